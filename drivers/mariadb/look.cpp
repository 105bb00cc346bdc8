// Databases and users as the server's own tables have them.
#include "drivers/mariadb/look.hpp"

#include "drivers/mariadb/sql.hpp"

#include <algorithm>
#include <set>

namespace genesis::mariadb {
namespace {

constexpr std::string_view schemata =
    "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, SCHEMA_COMMENT FROM "
    "information_schema.SCHEMATA";
constexpr std::string_view marker_prefix = "genesis:";

// The server reads one database's options for `= 'x'` and everybody's for anything else.
std::string databases_query(Scope const& scope) {
    constexpr std::size_t few = 64;
    if (scope.everything() || scope.keys.size() > few) return std::string(schemata);
    std::string out;
    for (auto const& key : scope.keys) {
        if (!out.empty()) out += " UNION ALL ";
        out.append(schemata).append(" WHERE SCHEMA_NAME = ").append(literal(key));
    }
    return out;
}

std::string text_of(json::object const& o, std::string_view name) {
    auto const* value = o.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// Every way to log in but the one with the password shows, so that it differs from what is wanted and is repaired.
std::string verifier_of(json::object const& priv) {
    auto const plugin = text_of(priv, "plugin");
    if (auto const* ways = priv.if_contains("auth_or");  // [{}] is the one above
        ways != nullptr && (!ways->is_array() || ways->get_array().size() > 1))
        return "plugin:several";
    if (!plugin.empty() && plugin != "mysql_native_password") return "plugin:" + plugin;
    if (auto const* changed = priv.if_contains("password_last_changed");
        changed != nullptr && changed->is_int64() && changed->as_int64() == 0)
        return "expired";
    return text_of(priv, "authentication_string");
}

bool locked_in(json::object const& priv) {
    auto const* value = priv.if_contains("account_locked");
    return value != nullptr && value->is_bool() && value->as_bool();
}

std::set<std::string> connected_users(Session& session) {
    std::set<std::string> out;
    for (auto const& row : session
                               .query("SELECT DISTINCT USER FROM information_schema.PROCESSLIST WHERE COMMAND <> "
                                      "'Killed' AND (HOST = 'localhost' OR HOST LIKE 'localhost:%')")
                               .rows)
        out.insert(row[0].value_or(""));
    return out;
}

// A lock that was set just before a crash may have left connections standing: such a user is not locked yet.
void unlock_the_connected(Session& session, std::vector<DbUser>& users) {
    auto const locked = [](DbUser const& user) { return user.locked; };
    if (std::none_of(users.begin(), users.end(), locked)) return;
    auto const connected = connected_users(session);
    for (auto& user : users) user.locked = user.locked && !connected.contains(user.name);
}

}  // namespace

AccountName owner_of(std::string_view comment) {
    if (!comment.starts_with(marker_prefix)) return {};
    return AccountName::try_parse(comment.substr(marker_prefix.size())).value_or(AccountName());
}

std::string marker(AccountName const& owner) { return std::string(marker_prefix) + owner.str(); }

std::optional<std::string> comment_of(Session& session, std::string const& database) {
    for (auto& row : session.query(databases_query({.keys = {database}})).rows)
        if (row[0] == database) return row[3].value_or("");
    return std::nullopt;
}

Observed<Database> see_databases(Session& session, Scope const& scope) {
    Observed<Database> out;
    for (auto& row : session.query(databases_query(scope)).rows) {
        Database seen{.name = row[0].value_or(""),
                      .owner = owner_of(row[3].value_or("")),
                      .charset = row[1].value_or(""),
                      .collation = row[2].value_or("")};
        if (could_be_ours(seen.name)) out.found.push_back(std::move(seen));
    }
    return out;
}

Observed<DbUser> see_users(Session& session, Scope const& scope) {
    std::string query = "SELECT User, Priv FROM mysql.global_priv WHERE Host = 'localhost'";
    if (!scope.everything()) query += " AND User IN " + literals(scope.keys);
    Observed<DbUser> out;
    for (auto& row : session.query(query).rows) {
        auto name = row[0].value_or("");
        if (!could_be_ours(name)) continue;
        boost::system::error_code error;
        auto const priv = json::parse(row[1].value_or(""), error);
        if (error || !priv.is_object())
            out.unseen.push_back(std::move(name));
        else
            out.found.push_back({.name = std::move(name),
                                 .password_hash = Secret(verifier_of(priv.as_object())),
                                 .locked = locked_in(priv.as_object())});
    }
    unlock_the_connected(session, out.found);
    return out;
}

}  // namespace genesis::mariadb
