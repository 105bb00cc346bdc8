// The MariaDB driver's deeds on a real server.
#include "drivers/mariadb/test_server.hpp"

#include <algorithm>
#include <random>

namespace genesis::server_test {
namespace {

TEST_CASE("what was made is seen as it was wanted, and making it again changes nothing", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    for (int pass = 0; pass < 2; ++pass) {
        world.standard("acme");
        CHECK(world.differences(database_of("acme_shop", "acme")) == 0);
        CHECK(world.differences(user_of("acme_web", "pw-of-acme")) == 0);
        CHECK(world.differences(grant_of("acme_web", "acme_shop", all_database_privileges())) == 0);
    }
    CHECK(world.driver.observe(Of<Grant>{}, {}, world.context).found.size() == 1);
    CHECK(world.cell("SELECT Db FROM mysql.db WHERE User = 'acme_web'") == "acme\\_shop");
}

TEST_CASE("every database privilege this server has but GRANT OPTION is in all", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    world.root("GRANT ALL PRIVILEGES ON `acme\\_shop`.* TO 'acme_web'@'localhost'");
    auto const seen = world.see<Grant>("acme_web@acme_shop");
    REQUIRE(seen);
    auto const version = world.cell("SELECT VERSION()");
    CAPTURE(version);
    if (version.starts_with("10.")) CHECK(seen->privileges == all_database_privileges());
}

TEST_CASE("no tenant reaches another's database, whatever wildcard their names make", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    struct Tenancy {
        std::string_view account;
        std::string database, user;
    };
    std::vector<Tenancy> const tenancies{{"abc", "abc_x_y", "abc_one"},
                                         {"abc", "abc_xay", "abc_two"},
                                         {"abcd", "abcd_x_y", "abcd_one"},
                                         {"ab1", "ab1_x", "ab1_one"}};
    for (auto const& t : tenancies) {
        world.must(create(database_of(t.database, t.account)));
        world.must(create(user_of(t.user, "the-password")));
        world.must(create(grant_of(t.user, t.database, all_database_privileges())));
        world.root("CREATE TABLE " + t.database + ".t (a INT)");
    }
    world.root("CREATE DATABASE abcxxzy");
    world.root("CREATE TABLE abcxxzy.t (a INT)");
    for (auto const& t : tenancies) {
        Tenant tenant(t.user, "the-password");
        REQUIRE(tenant.in);
        for (auto const& other : tenancies)
            CHECK(tenant.may("SELECT * FROM " + other.database + ".t") == (&other == &t));
        for (auto const* statement : {"SELECT * FROM abcxxzy.t", "CREATE DATABASE abcQxQy", "CREATE DATABASE abc_other",
                                      "SELECT * FROM mysql.global_priv", "CREATE USER x@localhost",
                                      "SELECT 1 INTO OUTFILE '/tmp/genesis-test-x'",
                                      "SELECT LOAD_FILE('/etc/passwd') FROM mysql.user", "SET GLOBAL general_log = 1"})
            CHECK_FALSE(tenant.may(statement));
        CHECK_FALSE(tenant.may("GRANT SELECT ON " + t.database + ".* TO 'ab1_one'@'localhost'"));
    }
}

TEST_CASE("any password logs in as it was given, and only so", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    std::mt19937 random(22);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same run every time
    auto const printable = [&] { return static_cast<char>(std::uniform_int_distribution<int>(' ', '~')(random)); };
    std::vector<std::string> passwords{"'; DROP USER root@localhost; --", "\\'\\\\\"`", "%_%_%_%_", "        ", "p\\"};
    while (passwords.size() < 300) {
        std::string password(8 + passwords.size() % 100, ' ');
        std::generate(password.begin(), password.end(), printable);
        passwords.push_back(password);
    }
    auto have = user_of("acme_web", "first-password");
    world.must(create(have));
    for (auto const& password : passwords) {
        auto const want = user_of("acme_web", password);
        world.must(update(want, have));
        CHECK(Tenant("acme_web", password).in);
        CHECK_FALSE(Tenant("acme_web", password + "x").in);
        CHECK_FALSE(Tenant("acme_web", "").in);
        CHECK(world.cell("SELECT PASSWORD(" + mariadb::literal(password) + ")") == want.password_hash.reveal());
        have = want;
    }
}

TEST_CASE("names that are not ours are refused before any statement", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    auto const before = world.cell("SELECT COUNT(*) FROM mysql.global_priv");
    for (std::string const name : {"root", "mysql", "mariadb.sys", "acme_a'b", "acme_`x", "..", "a/b", "acme_a%",
                                   "information_schema", "acme_x; DROP DATABASE mysql", ""}) {
        CHECK(world.one(create(database_of(name, "acme"))).how == Outcome::terminal);
        CHECK(world.one(remove(database_of(name, "acme"))).how == Outcome::terminal);
        CHECK(world.one(create(grant_of("acme_web", name, {"SELECT"}))).how == Outcome::terminal);
        if (name == "information_schema") continue;
        CHECK(world.one(create(user_of(name, "12345678"))).how == Outcome::terminal);
        CHECK(world.one(remove(user_of(name, "12345678"))).how == Outcome::terminal);
        CHECK(world.one(create(grant_of(name, "acme_shop", {"SELECT"}))).how == Outcome::terminal);
    }
    CHECK(world.one(create(grant_of("acme_web", "evil_shop", {"SELECT"}))).how == Outcome::terminal);
    CHECK(world.one(create(grant_of("acme_web", "acme_shop", {"FILE"}))).how == Outcome::terminal);
    CHECK(world.one(create(grant_of("acme_web", "acme_shop", {"SELECT ON *.* TO root; --"}))).how == Outcome::terminal);
    CHECK(world.one(create(database_of("evil_shop", "acme"))).how == Outcome::terminal);
    auto odd = database_of("acme_shop", "acme");
    odd.charset = "utf8mb4 COMMENT 'x'";
    CHECK(world.one(create(odd)).how == Outcome::terminal);
    odd.charset = "klingon";
    CHECK(world.one(create(odd)).how == Outcome::terminal);
    CHECK(world.one(create(DbUser{.name = "acme_web", .password_hash = Secret("clear"), .locked = false})).how ==
          Outcome::terminal);
    CHECK(world.cell("SELECT COUNT(*) FROM mysql.global_priv") == before);
    CHECK_FALSE(world.see<Database>("acme_shop"));
}

TEST_CASE("a locked user is out at once, and back in with the same password when unlocked", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    Tenant tenant("acme_web", "pw-of-acme");
    REQUIRE(tenant.may("SELECT 1"));
    auto const open = user_of("acme_web", "pw-of-acme"), locked = user_of("acme_web", "pw-of-acme", true);
    world.must(update(locked, open));
    CHECK_FALSE(tenant.may("SELECT 1"));
    CHECK_FALSE(Tenant("acme_web", "pw-of-acme").in);
    CHECK(world.differences(locked) == 0);
    world.must(update(open, locked));
    CHECK(Tenant("acme_web", "pw-of-acme").in);
    CHECK(world.differences(open) == 0);
}

TEST_CASE("a lock that died before it ended the connections is seen as not yet done", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    Tenant tenant("acme_web", "pw-of-acme");
    world.root("ALTER USER 'acme_web'@'localhost' ACCOUNT LOCK");
    REQUIRE(tenant.may("SELECT 1"));
    auto const locked = user_of("acme_web", "pw-of-acme", true);
    CHECK(world.differences(locked) == 1);
    world.must(update(locked, user_of("acme_web", "pw-of-acme")));
    CHECK_FALSE(tenant.may("SELECT 1"));
    CHECK(world.differences(locked) == 0);
}

TEST_CASE("what was changed by hand shows as a difference and is put back", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    auto const database = database_of("acme_shop", "acme");
    auto const user = user_of("acme_web", "pw-of-acme");
    auto const grant = grant_of("acme_web", "acme_shop", all_database_privileges());
    world.root("ALTER DATABASE acme_shop CHARACTER SET latin1 COMMENT 'mine'");
    CHECK(world.differences(database) == 3);
    world.must(update(database, *world.see<Database>("acme_shop")));
    CHECK(world.differences(database) == 0);
    for (auto const* statement :
         {"ALTER USER 'acme_web'@'localhost' IDENTIFIED BY 'other'",
          "ALTER USER 'acme_web'@'localhost' IDENTIFIED VIA unix_socket",
          "ALTER USER 'acme_web'@'localhost' IDENTIFIED VIA mysql_native_password USING '' OR unix_socket",
          "ALTER USER 'acme_web'@'localhost' PASSWORD EXPIRE", "ALTER USER 'acme_web'@'localhost' ACCOUNT LOCK"}) {
        CAPTURE(statement);
        world.root(statement);
        CHECK(world.differences(user) == 1);
        world.must(update(user, *world.see<DbUser>("acme_web")));
        CHECK(world.differences(user) == 0);
        CHECK(Tenant("acme_web", "pw-of-acme").in);
    }
    world.root("REVOKE INSERT ON `acme\\_shop`.* FROM 'acme_web'@'localhost'");
    CHECK(world.differences(grant) == 1);
    world.must(update(grant, *world.see<Grant>("acme_web@acme_shop")));
    world.root("GRANT GRANT OPTION ON `acme\\_shop`.* TO 'acme_web'@'localhost'");
    CHECK(world.differences(grant) == 1);
    world.must(update(grant, *world.see<Grant>("acme_web@acme_shop")));
    CHECK(world.differences(grant) == 0);
}

TEST_CASE("a narrower grant takes effect in the sessions that are open", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    Tenant tenant("acme_web", "pw-of-acme");
    REQUIRE(tenant.may("USE acme_shop"));
    REQUIRE(tenant.may("CREATE TABLE t (a INT)"));
    auto const read = grant_of("acme_web", "acme_shop", read_database_privileges());
    world.must(update(read, grant_of("acme_web", "acme_shop", all_database_privileges())));
    CHECK(world.differences(read) == 0);
    CHECK_FALSE(tenant.may("DROP TABLE t"));
    Tenant again("acme_web", "pw-of-acme");
    CHECK(again.may("SELECT * FROM acme_shop.t"));
    CHECK_FALSE(again.may("INSERT INTO acme_shop.t VALUES (1)"));
}

TEST_CASE("grants beyond the wanted one show under names of their own and are taken away", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    world.root("CREATE TABLE acme_shop.t (a INT, `b``c` INT)");
    world.root("CREATE TABLE acme_shop.`odd.na``me` (a INT)");
    world.root("CREATE PROCEDURE acme_shop.p() SELECT 1");
    world.root("CREATE FUNCTION acme_shop.f() RETURNS INT RETURN 1");
    world.root("CREATE ROLE IF NOT EXISTS genesis_test_role");
    world.must(create(user_of("acme_two", "12345678")));
    std::vector<std::pair<std::string, std::string>> const extra{
        {"GRANT FILE, PROCESS ON *.* TO 'acme_web'@'localhost' WITH GRANT OPTION", "acme_web@*"},
        {"GRANT ALL ON *.* TO 'acme_web'@'localhost'", "acme_web@*"},
        {"GRANT SELECT ON `acme_shop`.* TO 'acme_web'@'localhost'", "acme_web@like acme_shop"},
        {"GRANT SELECT ON `%`.* TO 'acme_web'@'localhost' WITH GRANT OPTION", "acme_web@like `%`"},
        {"GRANT SELECT ON `mysql`.* TO 'acme_web'@'localhost'", "acme_web@mysql"},
        {"GRANT SELECT, INSERT (a, `b``c`), GRANT OPTION ON acme_shop.t TO 'acme_web'@'localhost'",
         "acme_web@acme_shop.t"},
        {"GRANT UPDATE ON acme_shop.`odd.na``me` TO 'acme_web'@'localhost'", "acme_web@acme_shop.`odd.na``me`"},
        {"GRANT SELECT ON mysql.global_priv TO 'acme_web'@'localhost'", "acme_web@mysql.global_priv"},
        {"GRANT EXECUTE ON PROCEDURE acme_shop.p TO 'acme_web'@'localhost'", "acme_web@procedure acme_shop.p"},
        {"GRANT ALTER ROUTINE ON FUNCTION acme_shop.f TO 'acme_web'@'localhost'", "acme_web@function acme_shop.f"},
        {"GRANT genesis_test_role TO 'acme_web'@'localhost'", "acme_web@role genesis_test_role"},
        {"GRANT PROXY ON 'root'@'localhost' TO 'acme_web'@'localhost'", "acme_web@proxy root@localhost"},
    };
    auto const clean = world.driver.observe(Of<Grant>{}, {}, world.context).found.size();
    for (auto const& [statement, name] : extra) {
        CAPTURE(statement);
        world.root(statement);
        CHECK(world.driver.observe(Of<Grant>{}, {}, world.context).found.size() == clean + 1);
        auto const seen = world.see<Grant>(name);
        REQUIRE(seen);
        CHECK(seen->user == "acme_web");
        CHECK_FALSE(seen->privileges.empty());
        world.must(remove(*seen));
        CHECK_FALSE(world.see<Grant>(name));
        world.must(remove(*seen));
        CHECK(world.driver.observe(Of<Grant>{}, {}, world.context).found.size() == clean);
    }
    CHECK(world.differences(grant_of("acme_web", "acme_shop", all_database_privileges())) == 0);
    world.root("DROP ROLE genesis_test_role");
}

TEST_CASE("a user of the same name at another host is neither seen nor touched", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.root("CREATE USER 'acme_web'@'%' IDENTIFIED BY 'theirs'");
    CHECK_FALSE(world.see<DbUser>("acme_web"));
    world.standard("acme");
    world.must(remove(user_of("acme_web", "")));
    CHECK(world.cell("SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'acme_web' AND Host = '%'") == "1");
}

TEST_CASE("a database somebody else made is not seized, and one whose comment changed since the plan is not dropped",
          "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.root("CREATE DATABASE acme_shop COMMENT 'precious'");
    CHECK(world.see<Database>("acme_shop")->owner.empty());
    CHECK(world.one(create(database_of("acme_shop", "acme"))).how == Outcome::retry);
    CHECK(world.cell("SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='acme_shop'") ==
          "precious");
    CHECK(world.one(remove(database_of("acme_shop", "acme"))).how == Outcome::retry);
    CHECK(world.see<Database>("acme_shop"));
}

TEST_CASE("a database its tenant dropped and made again, without our comment, is ours again", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    Tenant tenant("acme_web", "pw-of-acme");
    REQUIRE(tenant.may("DROP DATABASE acme_shop"));
    REQUIRE(tenant.may("CREATE DATABASE acme_shop"));
    CHECK(world.differences(database_of("acme_shop", "acme")) == 1);
    world.must(update(database_of("acme_shop", "acme"), *world.see<Database>("acme_shop")));
    CHECK(world.differences(database_of("acme_shop", "acme")) == 0);
    REQUIRE(tenant.may("ALTER DATABASE acme_shop COMMENT ''"));
    world.must(remove(*world.see<Database>("acme_shop")));
    CHECK_FALSE(world.see<Database>("acme_shop"));
}

TEST_CASE("a removed account leaves no user, database, row of privileges or connection", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    Tenant tenant("acme_web", "pw-of-acme");
    REQUIRE(tenant.may("USE acme_shop"));
    REQUIRE(tenant.may("CREATE TABLE t (a INT) ENGINE=InnoDB"));
    REQUIRE(tenant.may("START TRANSACTION"));
    REQUIRE(tenant.may("SELECT * FROM t"));  // holds a lock that DROP DATABASE would wait for
    for (int pass = 0; pass < 2; ++pass) {
        world.must(remove(grant_of("acme_web", "acme_shop", all_database_privileges())));
        world.must(remove(user_of("acme_web", "pw-of-acme")));
        world.must(remove(database_of("acme_shop", "acme")));
    }
    CHECK_FALSE(tenant.may("SELECT 1"));
    CHECK(world.cell("SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'acme%'") == "0");
    CHECK(world.cell("SELECT COUNT(*) FROM mysql.db WHERE User LIKE 'acme%'") == "0");
    CHECK(world.cell("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'acme%'") == "0");
}

TEST_CASE("one step that fails leaves the others of its batch alone", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    std::vector<Step<Grant>> steps;
    world.standard("acme");
    steps.push_back(create(grant_of("acme_nobody", "acme_shop", {"SELECT"})));
    steps.push_back(create(grant_of("acme_web", "acme_other", {"SELECT"})));
    auto const outcomes = world.driver.apply(std::span<Step<Grant> const>(steps), world.context);
    REQUIRE(outcomes.size() == 2);
    CHECK(outcomes[0].how == Outcome::retry);
    CHECK(outcomes[1].how == Outcome::done);
    CHECK(world.cell("SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'acme_nobody'") == "0");
}

TEST_CASE("looking writes nothing", "[.mariadb]") {
    if (skipped()) return;
    ServerFixture world;
    world.standard("acme");
    auto const writes = [&] {
        return world.cell(
            "SELECT GROUP_CONCAT(VARIABLE_NAME, VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE "
            "VARIABLE_NAME "
            "IN ('COM_GRANT','COM_REVOKE','COM_FLUSH','COM_CREATE_DB','COM_ALTER_DB','COM_DROP_DB','COM_CREATE_USER',"
            "'COM_ALTER_USER','COM_DROP_USER','COM_KILL','COM_INSERT','COM_UPDATE','COM_DELETE')");
    };
    auto const before = writes();
    for (auto const& scope : {Scope{}, Scope{{"acme_shop", "acme_web", "acme_web@acme_shop"}}}) {
        world.driver.observe(Of<Database>{}, scope, world.context);
        world.driver.observe(Of<DbUser>{}, scope, world.context);
        world.driver.observe(Of<Grant>{}, scope, world.context);
    }
    CHECK(writes() == before);
    CHECK_FALSE(before.empty());
}

}  // namespace
}  // namespace genesis::server_test
