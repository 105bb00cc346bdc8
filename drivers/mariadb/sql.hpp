// Spelling SQL safely: names, literals, patterns and privileges. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::mariadb {

// "<account>_<name>": the only names this driver ever makes, changes or removes. Nobody else's business is looked at.
bool could_be_ours(std::string_view name);
// Schemas of the server itself; "information_schema" would otherwise look like one of an account "information".
bool is_system(std::string_view database);

// `name` with backticks doubled, between backticks.
std::string identifier(std::string_view name);
// A string literal. Precondition: sql_mode has no NO_BACKSLASH_ESCAPES (Session sees to it).
std::string literal(std::string_view text);
// ('a','b'): for IN.
std::string literals(std::vector<std::string> const& texts);
// 'user'@'localhost'
std::string at_localhost(std::string_view user);
// The name as people read it: bare when plain, between backticks when not.
std::string readable(std::string_view name);

// GRANT's database is a LIKE pattern (CVE-2004-0957): _ and % of a name must be escaped.
std::string escape_pattern(std::string_view database);
struct Pattern {
    std::string database;   // with the escapes undone
    bool wildcard = false;  // it matches other databases too
};
Pattern read_pattern(std::string_view pattern);

// "Create_tmp_table_priv", a column of mysql.db, → "CREATE TEMPORARY TABLES".
std::string privilege_of_column(std::string_view column);
// A member of the sets in mysql.tables_priv, columns_priv and procs_priv: "Create View" → "CREATE VIEW".
std::string privilege_of_word(std::string_view word);
// The bits of "access" in mysql.global_priv; a bit of a newer server is "BIT 39".
std::vector<std::string> privileges_of_bits(std::uint64_t access);
std::string joined(std::vector<std::string> const& items);  // "A, B"

}  // namespace genesis::mariadb
