// libmariadb as root over its socket; the statements are those that Genesis's driver sends for a new account.
#include "tests/bench/floor/database.hpp"

#include <mysql.h>

#include <memory>
#include <stdexcept>

namespace genesis::bench {
namespace {

constexpr char const* privileges =
    "ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE VIEW, DELETE, DELETE HISTORY, DROP, "
    "EVENT, EXECUTE, INDEX, INSERT, LOCK TABLES, REFERENCES, SELECT, SHOW VIEW, TRIGGER, UPDATE";

struct Close {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
};

}  // namespace

void make_databases(std::vector<Account> const& accounts) {
    std::unique_ptr<MYSQL, Close> const connection(mysql_init(nullptr));
    auto const run = [&](std::string const& statement) {
        if (mysql_real_query(connection.get(), statement.data(), statement.size()) != 0)
            throw std::runtime_error(std::string("MariaDB: ") + mysql_error(connection.get()));
    };
    if (mysql_real_connect(connection.get(), nullptr, "root", nullptr, nullptr, 0, "/run/mysqld/mysqld.sock", 0) ==
        nullptr)
        throw std::runtime_error(std::string("MariaDB: ") + mysql_error(connection.get()));
    for (auto const& a : accounts) {
        auto const user = "'" + a.name + "_web'@'localhost'";
        run("CREATE DATABASE `" + a.name + "_shop` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci COMMENT 'floor'");
        run("CREATE USER " + user +
            " IDENTIFIED VIA mysql_native_password USING '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19' ACCOUNT UNLOCK");
        run(std::string("GRANT ") + privileges + " ON `" + a.name + "\\_shop`.* TO " + user);
    }
}

}  // namespace genesis::bench
