// What MariaDB has: a handful of SELECTs for everything, whatever the number of accounts.
#pragma once
#include "drivers/mariadb/kinds.hpp"
#include "drivers/mariadb/session.hpp"

#include <optional>
#include <string>
#include <vector>

namespace genesis::mariadb {

// "genesis:acme" → acme; empty when the comment is nothing of the kind.
AccountName owner_of(std::string_view comment);
std::string marker(AccountName const& owner);
std::optional<std::string> comment_of(Session& session, std::string const& database);  // nothing when there is none

Observed<Database> see_databases(Session& session, Scope const& scope);
Observed<DbUser> see_users(Session& session, Scope const& scope);

// A grant, and the words that take it away again.
struct Held {
    Grant grant;
    enum Level { global, object, role, proxy } level = object;
    std::string on;  // object: "`acme\_shop`.*", "`acme_shop`.`t`", "PROCEDURE `acme_shop`.`p`"; role, proxy: whose
};
// At every level MariaDB has, of these users at localhost; of all when the list is empty.
std::vector<Held> see_grants(Session& session, std::vector<std::string> const& users);

}  // namespace genesis::mariadb
