// What the bare account needs of the server's own programs: users in one batch, sockets started, Apache reloaded.
#pragma once
#include "tests/bench/floor/accounts.hpp"

namespace genesis::bench {

// Everything here throws std::runtime_error, or Fault of the program that was run.
void make_users(std::vector<Account> const& accounts);                             // one systemd-sysusers
void start_sockets(std::vector<Account> const& accounts, std::string const& php);  // enabled, then started

// The host on a loopback port that says which generation of its configuration Apache has loaded.
std::string generation_host(std::string const& generation);
void test_apache();
void reload_apache(std::string const& generation);  // one graceful restart, until the new generation answers

}  // namespace genesis::bench
