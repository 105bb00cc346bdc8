// The MariaDB driver where no server is needed: how it spells things, and what it does when nobody answers.
#include "drivers/mariadb/driver.hpp"

#include "drivers/mariadb/sql.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace genesis {
namespace {

using mariadb::escape_pattern;
using mariadb::read_pattern;

struct RealClock final : Clock {
    [[nodiscard]] Time now() const override { return {}; }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};
struct NoLog final : Log {
    void write(Level, std::string_view, Fields) override {}
};

TEST_CASE("the verifier of a password is the one MariaDB computes") {
    CHECK(native_password_hash(Secret("password")).reveal() == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
    CHECK(native_password_hash(Secret("")).reveal() == "*BE1BDEC0AA74B4DCB079943E70528096CCA985F8");
}

TEST_CASE("only <account>_<name> can be ours") {
    for (auto const* name : {"acme_shop", "acme_a", "a1b_x_y", "information_schema"})
        CHECK(mariadb::could_be_ours(name));
    for (auto const* name : {"", "root", "mysql", "_x", "ac_x", "acme_", "Acme_x", "acme_X", "acme-shop", "acme_sh`op",
                             "acme_a'", "acme_a%", "1acme_x", "acme_\n", "seventeenletters0_x", "acme_é"})
        CHECK_FALSE(mariadb::could_be_ours(name));
    CHECK(mariadb::is_system("information_schema"));
}

TEST_CASE("names, literals and patterns are quoted so that they end where they should") {
    CHECK(mariadb::identifier("a`b") == "`a``b`");
    CHECK(mariadb::literal("a'b\\") == "'a''b\\\\'");
    CHECK(mariadb::at_localhost("acme_web") == "'acme_web'@'localhost'");
    CHECK(escape_pattern("acme_a%") == "acme\\_a\\%");
    CHECK(read_pattern("acme\\_a").database == "acme_a");
    CHECK_FALSE(read_pattern("acme\\_a").wildcard);
    CHECK(read_pattern("acme_a").wildcard);
    CHECK(read_pattern("acme%").wildcard);
}

TEST_CASE("the words for privileges are sorted, and every database privilege is in all") {
    auto const all = all_database_privileges();
    CHECK(all.size() == 19);
    for (auto const& list : {all, read_database_privileges(), write_database_privileges()}) {
        CHECK(std::is_sorted(list.begin(), list.end()));
        CHECK(std::includes(all.begin(), all.end(), list.begin(), list.end()));
    }
}

TEST_CASE("a server that is not there is a fault for observe and a later for each step") {
    RealClock const clock;
    NoLog log;
    Context context{.stop = {}, .deadline = clock.steady() + std::chrono::seconds(60), .clock = clock, .log = log};
    MariadbDriver driver({.socket = "/nonexistent/mysqld.sock", .user = "root"});
    CHECK_THROWS_AS(driver.observe(Of<Database>{}, {}, context), Fault);
    std::vector<Step<Database>> const steps(3,
                                            Step<Database>{.verb = Verb::create,
                                                           .want = {.name = "acme_shop", .owner = AccountName("acme")},
                                                           .have = {},
                                                           .changes = {}});
    auto const outcomes = driver.apply(std::span<Step<Database> const>(steps), context);
    REQUIRE(outcomes.size() == 3);
    for (auto const& outcome : outcomes) CHECK(outcome.how == Outcome::retry);
}

}  // namespace
}  // namespace genesis
