// What users may do, at every level MariaDB keeps it.
#include "drivers/mariadb/look.hpp"
#include "drivers/mariadb/sql.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace genesis::mariadb {
namespace {

class Grants {
public:
    Grants(Session& session, std::vector<std::string> const& users) : session_(session) {
        if (!users.empty()) these_users_ = " AND User IN " + literals(users);
    }
    std::vector<Held> all() {
        on_everything();
        on_databases();
        on_tables();
        on_columns();
        on_routines();
        roles();
        proxies();
        std::vector<Held> out;
        out.reserve(held_.size());
        for (auto& [name, held] : held_) {
            auto& privileges = held.grant.privileges;
            std::sort(privileges.begin(), privileges.end());
            out.push_back(std::move(held));
        }
        return out;
    }

private:
    Table rows(std::string_view columns, std::string_view table, std::string_view extra = "") {
        std::string query = "SELECT ";
        query.append(columns).append(" FROM mysql.").append(table).append(" WHERE Host = 'localhost'");
        return session_.query(query.append(these_users_).append(extra));
    }

    // The record of `user` on `what`; one per name, whichever table it is found in. Nothing for users not of our kind.
    Held* at(std::string const& user, std::string const& what, std::string on, Held::Level level = Held::object) {
        if (!could_be_ours(user)) return nullptr;
        auto name = user + "@" + what;
        auto& held = held_[name];
        held.grant.name = std::move(name);
        held.grant.user = user;
        held.on = std::move(on);
        held.level = level;
        return &held;
    }

    void on_everything() {
        for (auto const& row :
             rows("User, JSON_VALUE(Priv, '$.access')", "global_priv", " AND JSON_VALUE(Priv, '$.access') <> '0'").rows)
            if (auto* held = at(row[0].value_or(""), "*", "*.*", Held::global))
                held->grant.privileges = privileges_of_bits(std::stoull(row[1].value_or("0")));
    }

    void on_databases() {
        auto const table = rows("*", "db");  // Host, Db, User, then one column a privilege: more on newer servers
        std::vector<std::string> names;
        for (auto const& column : table.columns)
            names.push_back(column.ends_with("_priv") ? privilege_of_column(column) : "");
        for (auto const& row : table.rows) {
            auto const stored = row[1].value_or("");
            auto const pattern = read_pattern(stored);
            bool const one = !pattern.wildcard && escape_pattern(pattern.database) == stored;
            auto* held = at(row[2].value_or(""), one ? readable(pattern.database) : "like " + readable(stored),
                            identifier(stored) + ".*");
            if (held == nullptr) continue;
            if (one) held->grant.database = pattern.database;
            for (std::size_t i = 3; i < row.size(); ++i)
                if (!names[i].empty() && row[i] == "Y") held->grant.privileges.push_back(names[i]);
        }
    }

    Held* on_table(Row const& row) {
        auto const database = row[1].value_or(""), table = row[2].value_or("");
        return at(row[0].value_or(""), readable(database) + "." + readable(table),
                  identifier(database) + "." + identifier(table));
    }
    void on_tables() {
        for (auto const& row : rows("User, Db, Table_name, Table_priv", "tables_priv").rows)
            if (auto* held = on_table(row)) add_words(*held, row[3].value_or(""), "");
    }
    void on_columns() {
        for (auto const& row : rows("User, Db, Table_name, Column_priv, Column_name", "columns_priv").rows)
            if (auto* held = on_table(row))
                add_words(*held, row[3].value_or(""), " (" + identifier(row[4].value_or("")) + ")");
    }
    void on_routines() {
        for (auto const& row : rows("User, Db, Routine_name, Routine_type, Proc_priv", "procs_priv").rows) {
            auto const database = row[1].value_or(""), routine = row[2].value_or(""), type = row[3].value_or("");
            auto lower = type;
            for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            if (auto* held = at(row[0].value_or(""), lower + " " + readable(database) + "." + readable(routine),
                                type + " " + identifier(database) + "." + identifier(routine)))
                add_words(*held, row[4].value_or(""), "");
        }
    }
    void roles() {
        for (auto const& row : rows("User, Role", "roles_mapping").rows)
            if (auto* held = at(row[0].value_or(""), "role " + readable(row[1].value_or("")),
                                identifier(row[1].value_or("")), Held::role))
                held->grant.privileges = {"ROLE"};
    }
    void proxies() {
        for (auto const& row : rows("User, Proxied_user, Proxied_host", "proxies_priv").rows) {
            auto const user = row[1].value_or(""), host = row[2].value_or("");
            if (auto* held = at(row[0].value_or(""), "proxy " + readable(user) + "@" + readable(host),
                                literal(user) + "@" + literal(host), Held::proxy))
                held->grant.privileges = {"PROXY"};
        }
    }

    // `words` is a SET column: "Select,Insert". `suffix` names the column a privilege is limited to.
    static void add_words(Held& held, std::string_view words, std::string const& suffix) {
        while (!words.empty()) {
            auto const cut = std::min(words.find(','), words.size());
            held.grant.privileges.push_back(privilege_of_word(words.substr(0, cut)) + suffix);
            words.remove_prefix(std::min(cut + 1, words.size()));
        }
    }

    Session& session_;
    std::string these_users_;
    std::map<std::string, Held> held_;
};

}  // namespace

std::vector<Held> see_grants(Session& session, std::vector<std::string> const& users) {
    return Grants(session, users).all();
}

}  // namespace genesis::mariadb
