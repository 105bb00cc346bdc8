// What a machine has of MariaDB: databases, users, and what a user may do in a database.
#pragma once
#include "drivers/driver.hpp"

#include <string>
#include <vector>

namespace genesis {

// "<account>_<part>": how databases and their users are called.
inline std::string database_name(AccountName const& account, std::string_view part) {
    return account.str() + "_" + std::string(part);
}
// The key of a grant at the level of a database.
inline std::string grant_name(std::string_view user, std::string_view database) {
    return std::string(user) + "@" + std::string(database);
}

struct Database {
    std::string name;
    AccountName owner;
    std::string charset = "utf8mb4", collation = "utf8mb4_general_ci";
};
template <>
struct Describe<Database> {
    static constexpr std::string_view kind = "database",
                                      doc = "A database; its comment says whose: \"genesis:<account>\".";
    // Not `marked`: a user who may ALTER or DROP and CREATE tables may do the same to their database and so lose or
    // forge the comment (every dump with --add-drop-database does). The journal knows; the comment is put back.
    static constexpr Ownership ownership = Ownership::journalled;
    static constexpr bool holds_data = true;
    static constexpr std::size_t slow_removals = 8;  // each of its tables is a file or two to be deleted
    static constexpr auto fields = std::tuple{
        field("name", &Database::name, "<account>_<name>.", Attribute::key | Attribute::fixed),
        field("owner", &Database::owner, "The account, as the comment has it.", Attribute::required),
        field("charset", &Database::charset, "Default character set."),
        field("collation", &Database::collation, "Default collation."),
    };
};

struct DbUser {
    std::string name;
    Secret password_hash;
    bool locked = false;
};
template <>
struct Describe<DbUser> {
    static constexpr std::string_view kind = "db_user", doc = "A MariaDB user at localhost.";
    static constexpr Ownership ownership = Ownership::journalled;
    static constexpr std::size_t slow_updates = 64, slow_removals = 64;
    static constexpr auto fields = std::tuple{
        field("name", &DbUser::name, "<account>_<name>.", Attribute::key | Attribute::fixed),
        field("password_hash", &DbUser::password_hash,
              "mysql_native_password: '*' and upper-case hex of SHA1(SHA1(password)).", Attribute::required,
              {.text = &rules::line}),
        field("locked", &DbUser::locked, "ACCOUNT LOCK, and no connection of the user is left."),
    };
};

struct Grant {
    std::string name, user, database;
    std::vector<std::string> privileges;
};
template <>
struct Describe<Grant> {
    static constexpr std::string_view kind = "grant",
                                      doc = "What one user may do in one database; nothing more is left standing.";
    static constexpr Ownership ownership = Ownership::journalled;
    static constexpr std::size_t slow_updates = 64, slow_removals = 64;
    static constexpr auto fields = std::tuple{
        field("name", &Grant::name,
              "<user>@<database>; at other levels <user>@*, <user>@<database>.<table>, \"<user>@like <pattern>\", "
              "\"<user>@procedure <database>.<routine>\", \"<user>@role <role>\", \"<user>@proxy <user>\".",
              Attribute::key | Attribute::fixed),
        field("user", &Grant::user, "Whose.", Attribute::required | Attribute::fixed, {.refers_to = "db_user"}),
        field("database", &Grant::database, "On what; empty for a grant at another level.", Attribute::fixed,
              {.refers_to = "database"}),
        field("privileges", &Grant::privileges, "SQL names, upper case, sorted: SELECT, INSERT …"),
    };
};

// What "all", "read" and "write" mean in a database: sorted, named as SHOW GRANTS does.
std::vector<std::string> all_database_privileges();  // everything a database has but GRANT OPTION
std::vector<std::string> read_database_privileges();
std::vector<std::string> write_database_privileges();  // data, not structure

// mysql_native_password's verifier: '*' and upper-case hex of SHA1(SHA1(clear)). No I/O.
Secret native_password_hash(Secret const& clear);

}  // namespace genesis
