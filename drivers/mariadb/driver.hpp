// Keeps databases, their users and what those may do, over MariaDB's unix socket.
#pragma once
#include "drivers/mariadb/kinds.hpp"
#include "drivers/mariadb/prepared.hpp"
#include "drivers/mariadb/session.hpp"

#include <tuple>
#include <utility>

namespace genesis {

// Names it never made (root, an operator's own) cannot be spelled as its records: they are neither seen nor touched.
// A user of the same name at another host is somebody else's and is left alone.
// Looking is SELECTs only. Every connection lives for one call, within its deadline.
class MariadbDriver {
public:
    using Kinds = std::tuple<Database, DbUser, Grant>;
    explicit MariadbDriver(mariadb::Settings settings = {}) : settings_(std::move(settings)) {}

    Observed<Database> observe(Of<Database>, Scope const& scope, Context& context);
    Observed<DbUser> observe(Of<DbUser>, Scope const& scope, Context& context);
    Observed<Grant> observe(Of<Grant>, Scope const& scope, Context& context);  // all grants of the users in scope

    // DDL commits by itself, so each step is whole or not at all and may be repeated.
    // A database is dropped only while its comment still says what the plan saw. One that somebody holds is waited for
    // 0.3 s a batch in all; its prepared transactions are rolled back where nobody else has one.
    std::vector<Outcome> apply(std::span<Step<Database> const> steps, Context& context);
    // Locking and removing end the user's connections; only the verifier is ever sent, never a password.
    std::vector<Outcome> apply(std::span<Step<DbUser> const> steps, Context& context);
    // Taking something away ends the user's connections too: a session keeps what it had when it chose its database.
    std::vector<Outcome> apply(std::span<Step<Grant> const> steps, Context& context);
    CommitResult commit(Context&) { return {}; }  // GRANT and its like are live at once; FLUSH PRIVILEGES is not needed

private:
    static constexpr std::chrono::milliseconds release_longest{300};
    void drop_held(std::span<Step<Database> const> steps, std::vector<std::size_t>& held,
                   std::vector<Outcome>& outcomes, Context& context);

    mariadb::Settings settings_;
    mariadb::PreparedTransactions prepared_;
};

}  // namespace genesis
