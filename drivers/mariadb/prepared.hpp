// Prepared transactions (XA) that no connection has any more, and that a DROP DATABASE would wait for.
#pragma once
#include "drivers/mariadb/session.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace genesis::mariadb {

// A tenant's prepared transaction outlives its connection, its user and the server, and holds its tables until somebody
// commits it or rolls it back. MariaDB says of each its name (XA RECOVER), and of a transaction which tables it holds
// (INNODB_LOCKS, while somebody waits for them), but not which name is which transaction. So they are rolled back only
// where it makes no difference: all there are on the server hold databases that were to be dropped. Where there is one
// more, which may be another account's and about to be committed, none is touched. What one of them changed in a
// database that stays is lost with it: only an operator's own user reaches databases of more than one account.
class PreparedTransactions {
public:
    // Looks which of them hold tables of these databases, which are to be dropped and are held by something, and rolls
    // them back where nobody else has one. Takes a seventh of a second where there are any. What was seen is remembered
    // for ten seconds, since one call looks at a few tables only: later the database may be there to stay.
    void release(Settings const& settings, Session& session, Context const& context,
                 std::vector<std::string> const& databases);
    // Why a database that is held still cannot be dropped. The names of the transactions, which are perhaps other
    // tenants', go into the log.
    [[nodiscard]] static std::string reason(Session& session, Log& log, std::string const& database);

private:
    void look(Settings const& settings, Session& session, Context const& context,
              std::vector<std::string> const& databases);

    struct Held {
        std::string database;
        Steady seen{};
    };
    [[nodiscard]] std::set<std::string> doomed(std::vector<std::string> const& databases, Steady now) const;

    std::set<std::string> left_;         // transactions without a connection, by InnoDB's number
    std::map<std::string, Held> holds_;  // those of them that were seen to hold a database which was to be dropped then
    std::size_t turn_ = 0;
};

}  // namespace genesis::mariadb
