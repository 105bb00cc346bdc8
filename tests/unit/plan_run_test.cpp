// Steps in the making: what is ready, what is skipped, what waits for others or for long work.
#include "reconciler/run/plan_run.hpp"
#include "tests/unit/plan_table.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

TEST_CASE("a name that moves from one record to another does so in one batch") {
    Table t;
    auto acme = t.object("acme");
    t.ours(t.have(Pass{"old", ""}), acme);
    t.want(acme, Thing{"x", ""});
    t.want(acme, Pass{"new", "x"});
    PlanRun run(t.run());
    REQUIRE(run.take_ready() == std::vector<std::size_t>{0});  // the thing
    run.ended(0, true);
    CHECK(run.take_ready() == std::vector<std::size_t>{1, 2});
}

TEST_CASE("a step that fails skips only what comes after it, and each step ends once") {
    Table t;
    auto acme = t.object("acme");
    t.want(acme, Thing{"x", ""});
    t.want(acme, Thing{"y", ""});
    t.want(acme, Pass{"px", "x"});
    t.want(acme, Pass{"py", "y"});
    PlanRun run(t.run());
    REQUIRE(run.take_ready() == std::vector<std::size_t>{0, 1});
    run.ended(0, false);
    run.ended(1, true);
    auto const skipped = run.take_skipped();
    REQUIRE(skipped.size() == 1);
    CHECK(run.at(skipped[0].step).step.ref.key == "px");
    CHECK(run.take_ready() == std::vector<std::size_t>{3});
    CHECK(run.open(acme) == 1);
    run.ended(3, true);
    run.ended(0, true);
    CHECK(run.open(acme) == 0);
}

TEST_CASE("long work on the value that is wanted is left to go on; on another value, or unwanted, it is ended") {
    Table t;
    auto acme = t.object("acme");
    auto x = t.want(acme, Thing{"x", "", 2});
    auto& work = t.world.observed.in_progress[x];
    work.why = "copying";
    work.since = t.policy.now;
    work.fingerprint = fingerprint(encode(Thing{"x", "", 2}));
    auto p = t.run();
    CHECK(p.steps.empty());
    CHECK(first_reason(p) == "in_progress");
    CHECK(p.holds.at(0).message == "copying");
    SECTION("another value") {
        work.fingerprint = fingerprint(encode(Thing{"x", "", 1}));
        CHECK(t.run().steps.size() == 1);
    }
    SECTION("unwanted") {
        t.world.want.clear();
        t.subjects[acme].confirmed = true;
        t.ours(x, acme, 0);
        p = t.run();
        REQUIRE(p.steps.size() == 1);
        CHECK(p.steps[0].step.verb == Verb::remove);
        CHECK(p.steps[0].step.have.at("name") == "x");
        work.fingerprint.clear();
        CHECK(t.run().steps.size() == 1);
    }
    SECTION("its removal itself") {
        t.world.want.clear();
        t.subjects[acme].confirmed = true;
        t.ours(x, acme, 0);
        t.have(Thing{"x", ""});
        work.fingerprint = fingerprint({});
        CHECK(first_reason(t.run()) == "in_progress");
    }
    SECTION("for too long") {
        t.policy.now += std::chrono::hours(2);
        CHECK(first_reason(t.run()) == "overdue");
    }
}

TEST_CASE("a record may refer to one of another object, and waits until that is in sync") {
    struct Others final : OtherRecords {
        [[nodiscard]] State state(Ref const& ref) const override {
            return ref == Ref{"thing", "shared"} ? answer : unknown;
        }
        [[nodiscard]] std::string error(Ref const&) const override { return why; }
        [[nodiscard]] Ref const* made_for(Ref const&) const override { return nullptr; }
        State answer = unknown;
        std::string why;
    } others;
    Table t;
    t.world.others = &others;
    auto acme = t.object("acme");
    t.want(acme, Pass{"p", "shared"});
    CHECK(t.run().holds.at(0).message == "refers to thing/shared, which nothing asks for");
    others.answer = OtherRecords::converging;
    CHECK(t.run().holds.at(0).waits_for == Ref{"thing", "shared"});
    CHECK(t.run().holds.at(0).message == "waits for thing/shared");
    others.why = "no space left";
    CHECK(t.run().holds.at(0).message == "waits for thing/shared: no space left");
    others.answer = OtherRecords::in_sync;
    CHECK(t.run().steps.size() == 1);
    t.have(Thing{"shared", ""});
    CHECK(t.run().holds.empty());  // no orphan either
}

TEST_CASE("what a late driver still works on is left alone, and what refers to it waits") {
    Table t;
    auto acme = t.object("acme");
    auto x = t.want(acme, Thing{"x", ""});
    t.want(acme, Pass{"p", "x"});
    t.world.in_flight[x] = "a does not answer";
    auto const p = t.run();
    CHECK(p.steps.empty());
    REQUIRE(p.holds.size() == 2);
    CHECK(p.holds[0].reason == HoldReason::in_flight);
    CHECK(p.holds[1].reason == HoldReason::waits);
}

TEST_CASE("what a record refers to is not removed before it has changed") {
    Table t;
    auto acme = t.object("acme");
    t.ours(t.have(Owner{"old", 1}), acme);
    t.want(acme, Owner{"new", 2});
    t.have(Owner{"new", 2});
    auto x = t.want(acme, Thing{"x", "new"});
    t.ours(t.have(Thing{"x", "old"}), acme);
    auto p = t.run();
    REQUIRE(p.steps.size() == 2);
    CHECK(p.steps[1].step.after == std::set<Ref>{x});
    t.world.ours[x].next_attempt = t.policy.now + std::chrono::seconds(9);
    p = t.run();
    CHECK(p.steps.empty());
    CHECK(p.holds.at(1).message == "waits for the change of thing/x");
}
