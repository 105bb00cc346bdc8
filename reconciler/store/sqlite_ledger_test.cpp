// Intents are durable before the machine changes, outcomes after, and history stays bounded.
#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

Ref const acme{"account", "acme"};

AnyStep step(Verb verb, std::string const& key) {
    AnyStep s;
    s.verb = verb;
    s.ref = {"directory", key};
    s.object = acme;
    if (verb == Verb::update) s.changes.push_back({"/mode", "0750", "0755", Attribute::none});
    return s;
}

TEST_CASE("an intent has its history line and its record at once, and the outcome comes to the same line") {
    StoreFixture f;
    std::vector<AnyStep> const steps{step(Verb::create, "/a"), step(Verb::update, "/b")};
    std::vector<std::string> const causes{"never_converged", "drifted"};
    f.store().intend(steps, causes);
    auto lines = f.store().history(acme, 0, 10);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].ref.key == "/b");  // the newest first
    CHECK(lines[0].verb == "update");
    CHECK(lines[0].cause == "drifted");
    CHECK(lines[0].outcome.empty());
    CHECK(json::serialize(lines[0].changes) == R"([{"path":"/mode","from":"0750","to":"0755"}])");
    REQUIRE(f.store().records().size() == 1);
    CHECK(f.store().records()[0].ref.key == "/a");
    CHECK(f.store().records()[0].object == acme);

    std::vector<Outcome> const outcomes{{Outcome::done, ""}, {Outcome::retry, "busy"}};
    f.store().record(steps, outcomes);
    lines = f.store().history(std::nullopt, 0, 10);
    CHECK(lines[1].outcome == "done");
    CHECK(lines[0].outcome == "retry");
    CHECK(lines[0].why == "busy");
    CHECK(f.store().history(acme, lines[0].id, 10).size() == 1);
    CHECK(f.store().history(acme, 0, 1).size() == 1);
    CHECK(f.store().history(Ref{"account", "other"}, 0, 10).empty());
}

TEST_CASE("a record survives a second intent, and goes when its removal is done") {
    StoreFixture f;
    std::vector<AnyStep> const create{step(Verb::create, "/a")}, remove{step(Verb::remove, "/a")};
    std::vector<std::string> const cause{"spec_changed"};
    f.store().intend(create, cause);
    auto record = f.store().records().at(0);
    record.attempts = 3;
    record.error = "disk full";
    record.in_sync_value = 0xfedcba9876543210;
    record.next_attempt = f.clock.now() + std::chrono::seconds(8);
    f.store().save_records(std::vector{record}, {});
    f.store().intend(create, cause);
    CHECK(f.store().records() == std::vector{record});
    f.reopen();
    CHECK(f.store().records() == std::vector{record});
    f.store().intend(remove, cause);
    f.store().record(remove, std::vector<Outcome>{{Outcome::retry, "in use"}});
    CHECK(f.store().records().size() == 1);
    f.store().intend(remove, cause);
    f.store().record(remove, std::vector<Outcome>{{Outcome::done, ""}});
    CHECK(f.store().records().empty());
    f.store().save_records(std::vector{record}, {});
    f.store().save_records({}, std::vector{record.ref});
    CHECK(f.store().records().empty());
}

TEST_CASE("what was under way when the daemon died is called interrupted after the restart") {
    StoreFixture f;
    std::vector<AnyStep> const steps{step(Verb::create, "/a")};
    f.store().intend(steps, std::vector<std::string>{"spec_changed"});
    f.reopen();
    CHECK(f.store().history(acme, 0, 10).at(0).outcome == "interrupted");
    CHECK(f.store().records().size() == 1);
    f.store().record(steps,
                     std::vector<Outcome>{{Outcome::done, ""}});  // of an intent it does not know: no line changes
    CHECK(f.store().history(acme, 0, 10).at(0).outcome == "interrupted");
}

TEST_CASE("history older than thirty days goes, with an intent and not by itself") {
    StoreFixture f;
    std::vector<AnyStep> const many(600, step(Verb::update, "/b"));
    std::vector<std::string> const causes(600, "drifted");
    f.store().intend(many, causes);
    f.clock.milliseconds += std::int64_t{31} * 24 * 3600 * 1000;
    f.store().intend(many, causes);
    CHECK(f.store().history(acme, 0, 5000).size() == 600);
}

}  // namespace
}  // namespace genesis
