// A database, its user and the grant of each account, one statement after the other on one connection.
#pragma once
#include "tests/bench/floor/accounts.hpp"

namespace genesis::bench {

void make_databases(std::vector<Account> const& accounts);  // throws std::runtime_error

}  // namespace genesis::bench
