// Spelling SQL safely, and the words MariaDB has for privileges.
#include "drivers/mariadb/sql.hpp"

#include "drivers/mariadb/kinds.hpp"

#include <algorithm>
#include <array>

namespace genesis {

std::vector<std::string> all_database_privileges() {
    return {"ALTER",       "ALTER ROUTINE", "CREATE",         "CREATE ROUTINE", "CREATE TEMPORARY TABLES",
            "CREATE VIEW", "DELETE",        "DELETE HISTORY", "DROP",           "EVENT",
            "EXECUTE",     "INDEX",         "INSERT",         "LOCK TABLES",    "REFERENCES",
            "SELECT",      "SHOW VIEW",     "TRIGGER",        "UPDATE"};
}
std::vector<std::string> read_database_privileges() { return {"SELECT", "SHOW VIEW"}; }
std::vector<std::string> write_database_privileges() {
    return {"CREATE TEMPORARY TABLES", "DELETE", "EXECUTE", "INSERT", "LOCK TABLES", "SELECT", "SHOW VIEW", "UPDATE"};
}

namespace mariadb {
namespace {

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool lower_or_digit(char c) { return lower(c) || (c >= '0' && c <= '9'); }

std::string upper(std::string_view text) {
    std::string out;
    for (char const c : text) out += lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string between(char quote, std::string_view text) {
    std::string out(1, quote);
    for (char const c : text) out.append(c == quote ? 2 : 1, c);
    return out + quote;
}

}  // namespace

bool could_be_ours(std::string_view name) {
    auto const cut = name.find('_');
    if (cut == std::string_view::npos) return false;
    auto const account = name.substr(0, cut), rest = name.substr(cut + 1);
    return account.size() >= 3 && account.size() <= 16 && lower(account.front()) &&
           std::all_of(account.begin(), account.end(), lower_or_digit) && !rest.empty() && rest.size() <= 32 &&
           std::all_of(rest.begin(), rest.end(), [](char c) { return lower_or_digit(c) || c == '_'; });
}

bool is_system(std::string_view database) {
    constexpr std::array<std::string_view, 4> names{"information_schema", "mysql", "performance_schema", "sys"};
    return std::find(names.begin(), names.end(), database) != names.end();
}

std::string identifier(std::string_view name) { return between('`', name); }

std::string literal(std::string_view text) {
    std::string escaped;
    for (char const c : text) escaped.append(c == '\\' ? 2 : 1, c);
    return between('\'', escaped);
}

std::string literals(std::vector<std::string> const& texts) {
    std::vector<std::string> quoted;
    quoted.reserve(texts.size());
    for (auto const& text : texts) quoted.push_back(literal(text));
    return "(" + joined(quoted) + ")";
}

std::string at_localhost(std::string_view user) { return literal(user) + "@'localhost'"; }

std::string readable(std::string_view name) {
    auto const plain = [](char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && std::all_of(name.begin(), name.end(), plain) ? std::string(name) : identifier(name);
}

std::string escape_pattern(std::string_view database) {
    std::string out;
    for (char const c : database) {
        if (c == '_' || c == '%' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

Pattern read_pattern(std::string_view pattern) {
    Pattern out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\' && i + 1 < pattern.size())
            ++i;
        else if (pattern[i] == '_' || pattern[i] == '%')
            out.wildcard = true;
        out.database += pattern[i];
    }
    return out;
}

std::string privilege_of_column(std::string_view column) {
    constexpr std::string_view suffix = "_priv";
    if (column == "Grant_priv") return "GRANT OPTION";
    if (column == "Create_tmp_table_priv") return "CREATE TEMPORARY TABLES";
    auto name = upper(column.substr(0, column.size() - suffix.size()));
    std::replace(name.begin(), name.end(), '_', ' ');
    return name;
}

std::string privilege_of_word(std::string_view word) {
    if (word == "Grant") return "GRANT OPTION";
    if (word == "Delete versioning rows") return "DELETE HISTORY";
    return upper(word);
}

std::vector<std::string> privileges_of_bits(std::uint64_t access) {
    // sql/privilege.h of MariaDB 10.11
    constexpr std::array<std::string_view, 39> names{"SELECT",
                                                     "INSERT",
                                                     "UPDATE",
                                                     "DELETE",
                                                     "CREATE",
                                                     "DROP",
                                                     "RELOAD",
                                                     "SHUTDOWN",
                                                     "PROCESS",
                                                     "FILE",
                                                     "GRANT OPTION",
                                                     "REFERENCES",
                                                     "INDEX",
                                                     "ALTER",
                                                     "SHOW DATABASES",
                                                     "SUPER",
                                                     "CREATE TEMPORARY TABLES",
                                                     "LOCK TABLES",
                                                     "EXECUTE",
                                                     "REPLICATION SLAVE",
                                                     "BINLOG MONITOR",
                                                     "CREATE VIEW",
                                                     "SHOW VIEW",
                                                     "CREATE ROUTINE",
                                                     "ALTER ROUTINE",
                                                     "CREATE USER",
                                                     "EVENT",
                                                     "TRIGGER",
                                                     "CREATE TABLESPACE",
                                                     "DELETE HISTORY",
                                                     "SET USER",
                                                     "FEDERATED ADMIN",
                                                     "CONNECTION ADMIN",
                                                     "READ_ONLY ADMIN",
                                                     "REPLICATION SLAVE ADMIN",
                                                     "REPLICATION MASTER ADMIN",
                                                     "BINLOG ADMIN",
                                                     "BINLOG REPLAY",
                                                     "SLAVE MONITOR"};
    std::vector<std::string> out;
    for (std::size_t bit = 0; bit < 64; ++bit)
        if ((access >> bit & 1U) != 0)
            out.push_back(bit < names.size() ? std::string(names[bit]) : "BIT " + std::to_string(bit));
    std::sort(out.begin(), out.end());
    return out;
}

std::string joined(std::vector<std::string> const& items) {
    std::string out;
    for (auto const& item : items) {
        if (!out.empty()) out += ", ";
        out += item;
    }
    return out;
}

}  // namespace mariadb
}  // namespace genesis
