// One statement or two for each step, over one connection for each batch.
#include "drivers/mariadb/driver.hpp"

#include "drivers/mariadb/look.hpp"
#include "drivers/mariadb/sql.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>

namespace genesis {
namespace {

using mariadb::at_localhost;
using mariadb::Held;
using mariadb::identifier;
using mariadb::literal;
using mariadb::Rejected;
using mariadb::Session;

Outcome terminal(std::string why) { return {.how = Outcome::terminal, .why = std::move(why)}; }
Outcome retry(std::string why) { return {.how = Outcome::retry, .why = std::move(why)}; }

// MariaDB's error numbers, as mysqld_error.h has them.
enum Error : unsigned {  // only those that decide something
    database_exists = 1007,
    unknown_charset = 1115,
    nonexisting_grant = 1141,
    nonexisting_table_grant = 1147,
    lock_wait = 1205,
    collation_mismatch = 1253,
    unknown_collation = 1273,
    cannot_user = 1396,
    nonexisting_routine_grant = 1403,
};

Outcome verdict(Rejected const& rejected) {
    auto const code = rejected.code;
    if (code == unknown_charset || code == unknown_collation || code == collation_mismatch)
        return terminal(rejected.what());
    return retry(rejected.what());
}

// Runs `one` for every step; a step that fails stands alone, a lost connection is made again for the next. After one
// that has waited for somebody's lock in vain the rest is not begun: others' steps would wait for each of them.
template <class V, class One>
std::vector<Outcome> each(std::span<Step<V> const> steps, mariadb::Settings const& settings, Context& context,
                          One one) {
    std::vector<Outcome> out;
    out.reserve(steps.size());
    std::optional<Session> session;
    bool waited = false;
    for (auto const& step : steps) try {
            if (waited || context.is_over()) {
                out.push_back(not_begun());
                continue;
            }
            if (!session) session.emplace(settings, context);
            out.push_back(one(*session, step));
        } catch (Rejected const& rejected) {
            waited = rejected.code == lock_wait;
            out.push_back(verdict(rejected));
        } catch (Fault const& fault) {
            session.reset();
            out.push_back(retry(fault.what()));
        }
    return out;
}

bool plain_word(std::string_view text) {
    auto const ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), ok);
}

bool is_verifier(std::string_view text) {
    auto const hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    return text.size() == 41 && text.front() == '*' && std::all_of(text.begin() + 1, text.end(), hex);
}

std::string_view account_of(std::string_view name) { return name.substr(0, name.find('_')); }

// ---- databases

Outcome make_database(Session& session, Database const& want) {
    if (!plain_word(want.charset) || !plain_word(want.collation)) return terminal("no such character set or collation");
    if (want.owner.empty() || account_of(want.name) != want.owner.str())
        return terminal("the database's name is not of the account " + want.owner.str());
    auto const rest = identifier(want.name) + " CHARACTER SET " + want.charset + " COLLATE " + want.collation +
                      " COMMENT " + literal(mariadb::marker(want.owner));
    try {
        session.run("CREATE DATABASE " + rest);
    } catch (Rejected const& rejected) {
        if (rejected.code != database_exists) throw;
        if (mariadb::owner_of(mariadb::comment_of(session, want.name).value_or("")) != want.owner)
            return retry("a database " + want.name + " exists and is not ours");
        session.run("ALTER DATABASE " + rest);
    }
    return {};
}

Outcome change_database(Session& session, Database const& want) {
    if (!plain_word(want.charset) || !plain_word(want.collation)) return terminal("no such character set or collation");
    session.run("ALTER DATABASE " + identifier(want.name) + " CHARACTER SET " + want.charset + " COLLATE " +
                want.collation + " COMMENT " + literal(mariadb::marker(want.owner)));
    return {};
}

// False where somebody holds its tables, which nothing waits for.
bool try_drop(Session& session, std::string const& name) try {
    session.run("SET STATEMENT lock_wait_timeout=0, innodb_lock_wait_timeout=0 FOR DROP DATABASE IF EXISTS " +
                identifier(name));
    return true;
} catch (Rejected const& rejected) {
    if (rejected.code != lock_wait) throw;
    return false;
}

// What the outcome is of one that is held is for others to find out.
Outcome drop_database(Session& session, Database const& have, bool& held) {
    auto const comment = mariadb::comment_of(session, have.name);
    if (!comment) return {};
    if (mariadb::owner_of(*comment) != have.owner)
        return retry("the comment of database " + have.name + " is no longer what the plan saw");
    held = !try_drop(session, have.name);
    return {};
}

Outcome do_database(Session& session, Step<Database> const& step, bool& held) {
    auto const& name = step.subject().name;
    if (!mariadb::could_be_ours(name) || mariadb::is_system(name))
        return terminal(name + " cannot be an account's database");
    switch (step.verb) {
        case Verb::create:
            return make_database(session, step.want);
        case Verb::update:
            return change_database(session, step.want);
        case Verb::remove:
            return drop_database(session, step.have, held);
    }
    return terminal("there is no such step");
}

// ---- users

void end_connections(Session& session, std::string const& user) { session.run("KILL USER " + at_localhost(user)); }

void put_user(Session& session, DbUser const& want) {
    auto const rest = at_localhost(want.name) + " IDENTIFIED VIA mysql_native_password USING " +
                      literal(want.password_hash.reveal()) + (want.locked ? " ACCOUNT LOCK" : " ACCOUNT UNLOCK");
    try {
        session.run("CREATE USER " + rest);
    } catch (Rejected const& rejected) {
        if (rejected.code != cannot_user) throw;
        session.run("ALTER USER " + rest);  // there already: that it is ours was the plan's to know
    }
}

void change_user(Session& session, DbUser const& want) {
    session.run("ALTER USER " + at_localhost(want.name) + " IDENTIFIED VIA mysql_native_password USING " +
                literal(want.password_hash.reveal()) + (want.locked ? " ACCOUNT LOCK" : " ACCOUNT UNLOCK"));
}

// Locked first, so that nobody comes back between the killing and the dropping.
void drop_user(Session& session, std::string const& name) {
    session.run("ALTER USER IF EXISTS " + at_localhost(name) + " ACCOUNT LOCK");
    end_connections(session, name);
    session.run("DROP USER IF EXISTS " + at_localhost(name));
}

Outcome do_user(Session& session, Step<DbUser> const& step) {
    auto const& name = step.subject().name;
    if (!mariadb::could_be_ours(name)) return terminal(name + " cannot be an account's database user");
    if (step.verb == Verb::remove) {
        drop_user(session, name);
        return {};
    }
    if (!is_verifier(step.want.password_hash.reveal()))
        return terminal("the password's hash is not one of mysql_native_password");
    if (step.verb == Verb::update)
        change_user(session, step.want);
    else
        put_user(session, step.want);
    if (step.want.locked) end_connections(session, name);
    return {};
}

// ---- grants

std::string on_database(Grant const& grant) { return identifier(mariadb::escape_pattern(grant.database)) + ".*"; }
bool is_on_database(Grant const& grant) {
    return !grant.database.empty() && grant.name == grant.user + "@" + grant.database;
}

// Nothing to take away is what was wanted.
void revoke(Session& session, std::string const& statement) {
    try {
        session.run("REVOKE " + statement);
    } catch (Rejected const& rejected) {
        auto const code = rejected.code;
        if (code != nonexisting_grant && code != nonexisting_table_grant && code != nonexisting_routine_grant) throw;
    }
}

void revoke(Session& session, Held const& held) {
    auto const from = " FROM " + at_localhost(held.grant.user);
    switch (held.level) {
        case Held::global:  // by all, since a newer server may have privileges we cannot name
            revoke(session, "ALL PRIVILEGES ON *.*" + from);
            return revoke(session, "GRANT OPTION ON *.*" + from);
        case Held::object:
            return revoke(session, mariadb::joined(held.grant.privileges) + " ON " + held.on + from);
        case Held::role:
            return revoke(session, held.on + from);
        case Held::proxy:
            return revoke(session, "PROXY ON " + held.on + from);
    }
}

std::optional<std::string> why_not(Grant const& want) {
    if (!is_on_database(want)) return "only grants on one database are ever made";
    if (!mariadb::could_be_ours(want.database) || mariadb::is_system(want.database)) return "not an account's database";
    if (account_of(want.user) != account_of(want.database))
        return "the user and the database are of different accounts";
    if (want.privileges.empty()) return "a grant of nothing";
    auto const known = all_database_privileges();
    for (auto const& privilege : want.privileges)
        if (std::find(known.begin(), known.end(), privilege) == known.end())
            return privilege + " is not a database privilege";
    return std::nullopt;
}

void put_grant(Session& session, Grant const& want, Grant const& have) {
    auto const on = " ON " + on_database(want);
    session.run("GRANT " + mariadb::joined(want.privileges) + on + " TO " + at_localhost(want.user));
    std::vector<std::string> extra;
    for (auto const& privilege : have.privileges)
        if (std::find(want.privileges.begin(), want.privileges.end(), privilege) == want.privileges.end())
            extra.push_back(privilege);
    if (extra.empty()) return;
    revoke(session, mariadb::joined(extra) + on + " FROM " + at_localhost(want.user));
    end_connections(session, want.user);
}

// What the record says is only its name: the words that revoke it come from looking again.
void remove_grant(Session& session, Grant const& have) {
    for (auto const& held : mariadb::see_grants(session, {have.user}))
        if (held.grant.name == have.name) {
            revoke(session, held);
            end_connections(session, have.user);
        }
}

Outcome do_grant(Session& session, Step<Grant> const& step) {
    if (!mariadb::could_be_ours(step.subject().user))
        return terminal(step.subject().user + " cannot be an account's database user");
    if (step.verb == Verb::remove) {
        remove_grant(session, step.have);
        return {};
    }
    if (auto why = why_not(step.want)) return terminal(*why);
    put_grant(session, step.want, step.verb == Verb::update ? step.have : Grant{});
    return {};
}

// The users of grants named "<user>@…"; nothing in it when the scope is everything.
std::vector<std::string> users_in(Scope const& scope) {
    std::vector<std::string> out;
    for (auto const& key : scope.keys) out.push_back(key.substr(0, key.find('@')));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace

Observed<Database> MariadbDriver::observe(Of<Database>, Scope const& scope, Context& context) {
    Session session(settings_, context);
    return mariadb::see_databases(session, scope);
}
Observed<DbUser> MariadbDriver::observe(Of<DbUser>, Scope const& scope, Context& context) {
    Session session(settings_, context);
    return mariadb::see_users(session, scope);
}
Observed<Grant> MariadbDriver::observe(Of<Grant>, Scope const& scope, Context& context) {
    Session session(settings_, context);
    Observed<Grant> out;
    for (auto& held : mariadb::see_grants(session, users_in(scope))) out.found.push_back(std::move(held.grant));
    return out;
}

std::vector<Outcome> MariadbDriver::apply(std::span<Step<Database> const> steps, Context& context) {
    std::vector<std::size_t> held;
    auto outcomes = each(steps, settings_, context, [&](Session& session, Step<Database> const& step) {
        bool is_held = false;
        auto const outcome = do_database(session, step, is_held);
        if (is_held) held.push_back(static_cast<std::size_t>(&step - steps.data()));
        return outcome;
    });
    if (held.empty()) return outcomes;
    try {
        drop_held(steps, held, outcomes, context);
    } catch (Fault const& fault) {
        for (auto const i : held) outcomes[i] = retry(fault.what());
    }
    return outcomes;
}
// A connection that was killed may be ending still, and then there are prepared transactions.
void MariadbDriver::drop_held(std::span<Step<Database> const> steps, std::vector<std::size_t>& held,
                              std::vector<Outcome>& outcomes, Context& context) {
    Session session(settings_, context);
    auto const bounded = context.within(release_longest);
    while (!held.empty() && !bounded.is_over()) {
        std::vector<std::string> names;
        for (auto const i : held) names.push_back(steps[i].have.name);
        prepared_.release(settings_, session, context, names);
        std::erase_if(held, [&](std::size_t i) { return try_drop(session, steps[i].have.name); });
        if (!held.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (auto const i : held)
        outcomes[i] = retry(mariadb::PreparedTransactions::reason(session, context.log, steps[i].have.name));
}

std::vector<Outcome> MariadbDriver::apply(std::span<Step<DbUser> const> steps, Context& context) {
    return each(steps, settings_, context, do_user);
}
std::vector<Outcome> MariadbDriver::apply(std::span<Step<Grant> const> steps, Context& context) {
    return each(steps, settings_, context, do_grant);
}

}  // namespace genesis
