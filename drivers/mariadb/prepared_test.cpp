// Databases that are to be dropped while somebody holds them, on a real server.
#include "drivers/mariadb/test_server.hpp"

#include <thread>

namespace genesis::server_test {
namespace {

struct PreparedFixture : ServerFixture {
    PreparedFixture() { end_prepared(); }
    ~PreparedFixture() { end_prepared(); }
    PreparedFixture(PreparedFixture const&) = delete;
    PreparedFixture& operator=(PreparedFixture const&) = delete;
    void end_prepared() {
        Session session(settings, context);
        for (auto const& row : session.query("XA RECOVER FORMAT='SQL'").rows) try {
                session.run("XA ROLLBACK " + row[3].value_or(""));
            } catch (Fault const&) {  // one that changed nothing is gone by this
            }
    }
    // A transaction of the account's user that is prepared and left by its connection.
    void prepare(std::string const& account, std::string const& name, std::vector<std::string> const& tables) {
        Tenant tenant(account + "_web", "pw-of-" + account);
        for (auto const& table : tables) REQUIRE(tenant.may("CREATE TABLE IF NOT EXISTS " + table + " (a INT)"));
        REQUIRE(tenant.may("XA START '" + name + "'"));
        for (auto const& table : tables) REQUIRE(tenant.may("INSERT INTO " + table + " VALUES (1)"));
        REQUIRE(tenant.may("XA END '" + name + "'"));
        REQUIRE(tenant.may("XA PREPARE '" + name + "'"));
    }
    std::vector<Outcome> drop(std::vector<std::string> const& names) {
        std::vector<Step<Database>> steps;
        for (auto const& name : names)
            steps.push_back(remove(database_of(name, std::string_view(name).substr(0, name.find('_')))));
        auto const began = std::chrono::steady_clock::now();
        auto outcomes = driver.apply(std::span<Step<Database> const>(steps), context);
        took = std::chrono::steady_clock::now() - began;
        return outcomes;
    }
    [[nodiscard]] std::string prepared() { return cell("XA RECOVER"); }
    std::chrono::nanoseconds took{};
};

}  // namespace

TEST_CASE("prepared transactions that hold only databases which are dropped are rolled back", "[.mariadb]") {
    if (skipped()) return;
    PreparedFixture world;
    world.standard("acme");
    world.must(create(database_of("acme_more", "acme")));
    world.must(create(grant_of("acme_web", "acme_more", all_database_privileges())));
    world.prepare("acme", "one", {"acme_shop.a", "acme_more.a"});
    world.prepare("acme", "it''s; b,1", {"acme_shop.b"});
    world.prepare("acme", "reads", {});
    world.must(remove(user_of("acme_web", "")));
    SECTION("together") {
        for (auto const& outcome : world.drop({"acme_shop", "acme_more"})) {
            CAPTURE(outcome.why);
            CHECK(outcome.how == Outcome::done);
        }
        CHECK(world.took < std::chrono::seconds(2));
    }
    SECTION("one after the other, and none while one of them holds only what stays") {
        CHECK(world.drop({"acme_more"}).front().how == Outcome::retry);
        world.must(remove(database_of("acme_shop", "acme")));
        world.must(remove(database_of("acme_more", "acme")));
    }
    CHECK(world.prepared().empty());
    CHECK_FALSE(world.see<Database>("acme_shop"));
    CHECK_FALSE(world.see<Database>("acme_more"));
}

TEST_CASE("where another account has a prepared transaction none is rolled back, and the reason names nobody's",
          "[.mariadb]") {
    if (skipped()) return;
    PreparedFixture world;
    for (auto const* account : {"acme", "beta"}) world.standard(account);
    world.must(create(database_of("acme_empty", "acme")));
    world.prepare("acme", "mine", {"acme_shop.a"});
    std::optional<Tenant> tenant;
    SECTION("that its connection has left") { world.prepare("beta", "theirs", {"beta_shop.a"}); }
    SECTION("that its connection has still") {
        tenant.emplace("beta_web", "pw-of-beta");
        for (auto const* statement : {"CREATE TABLE beta_shop.a (a INT)", "XA START 'theirs'",
                                      "INSERT INTO beta_shop.a VALUES (1)", "XA END 'theirs'", "XA PREPARE 'theirs'"})
            REQUIRE(tenant->may(statement));
    }
    auto const outcomes = world.drop({"acme_shop", "acme_empty"});
    CHECK(world.took < std::chrono::seconds(2));
    CHECK(outcomes[0].how == Outcome::retry);
    CHECK(outcomes[0].why.find("2 prepared transactions") != std::string::npos);
    CHECK(outcomes[0].why.find("7468656972") == std::string::npos);  // "their"
    CHECK(outcomes[1].how == Outcome::done);
    CHECK(Session(world.settings, world.context).query("XA RECOVER").rows.size() == 2);
    if (tenant) {
        REQUIRE(tenant->may("XA COMMIT 'theirs'"));
    } else {
        world.root("XA COMMIT 'theirs'");
    }
    CHECK(world.cell("SELECT COUNT(*) FROM beta_shop.a") == "1");
    world.must(remove(database_of("acme_shop", "acme")));
    CHECK(world.prepared().empty());
}

TEST_CASE("a prepared transaction whose database is to stay after all is not rolled back for another's removal",
          "[.mariadb]") {
    if (skipped()) return;
    PreparedFixture world;
    for (auto const* account : {"acme", "beta"}) {
        world.standard(account);
        world.prepare(account, std::string("of_") + account, {std::string(account) + "_shop.a"});
    }
    CHECK(world.drop({"acme_shop"}).front().how == Outcome::retry);
    std::this_thread::sleep_for(std::chrono::seconds(11));
    CHECK(world.drop({"beta_shop"}).front().how == Outcome::retry);
    CHECK(Session(world.settings, world.context).query("XA RECOVER").rows.size() == 2);
}

TEST_CASE("more prepared transactions than are looked at in one attempt are rolled back in a few", "[.mariadb]") {
    if (skipped()) return;
    PreparedFixture world;
    world.standard("acme");
    for (int i = 0; i < 100; ++i) world.prepare("acme", "x" + std::to_string(i), {"acme_shop.t" + std::to_string(i)});
    int attempts = 0;
    while (world.drop({"acme_shop"}).front().how != Outcome::done && attempts < 20) ++attempts;
    CHECK(attempts < 10);
    CHECK(world.prepared().empty());
    CHECK_FALSE(world.see<Database>("acme_shop"));
}

TEST_CASE("databases that somebody uses fail without holding up the others", "[.mariadb]") {
    if (skipped()) return;
    PreparedFixture world;
    world.standard("acme");
    std::vector<std::string> names;
    Tenant tenant("acme_web", "pw-of-acme");
    REQUIRE(tenant.may("CREATE TABLE acme_shop.a (a INT)"));
    REQUIRE(tenant.may("START TRANSACTION"));
    REQUIRE(tenant.may("SELECT * FROM acme_shop.a"));
    for (int i = 0; i < 4; ++i) {
        names.push_back("acme_d" + std::to_string(i));
        world.must(create(database_of(names.back(), "acme")));
    }
    names.insert(names.begin(), "acme_shop");
    auto const outcomes = world.drop(names);
    CHECK(world.took < std::chrono::seconds(2));
    CHECK(outcomes[0].how == Outcome::retry);
    CHECK(outcomes[0].why.find("in use") != std::string::npos);
    for (std::size_t i = 1; i < outcomes.size(); ++i) CHECK(outcomes[i].how == Outcome::done);
    REQUIRE(tenant.may("ROLLBACK"));
    world.must(remove(database_of("acme_shop", "acme")));
}

}  // namespace genesis::server_test
