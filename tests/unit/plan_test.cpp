// The planner: what it decides, in what order, and what it leaves alone.
#include "tests/unit/plan_table.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

TEST_CASE("nothing wanted and nothing there is an empty plan") {
    Table t;
    CHECK(t.run().empty());
}

TEST_CASE("what is missing is made in the order of its references") {
    Table t;
    auto acme = t.object("acme");
    t.want(acme, Owner{"acme", 1});
    t.want(acme, Thing{"x", "acme"});
    t.want(acme, Thing{"y", "acme"});
    t.want(acme, Pass{"p", "x"});
    auto p = t.run();
    REQUIRE(p.steps.size() == 4);
    CHECK(p.steps[0].step.ref.kind == "owner");
    CHECK(p.steps[1].step.ref.kind == "thing");
    CHECK(p.steps[1].step.after == std::set<Ref>{{"owner", "acme"}});
    CHECK(p.steps[3].step.after == std::set<Ref>{{"thing", "x"}});
    CHECK(p.steps[0].cause == Cause::never_converged);
    CHECK(p.steps[3].driver == "b");
}

TEST_CASE("what is as wanted takes no step") {
    Table t;
    auto acme = t.object("acme");
    t.want(acme, Owner{"acme", 1});
    t.have(Owner{"acme", 1});
    auto p = t.run();
    CHECK(p.empty());
    CHECK(p.in_sync.size() == 1);
}

TEST_CASE("the cause of a difference follows from the generation it last was in sync with") {
    Table t;
    auto acme = t.object("acme", Phase::active, 3);
    auto x = t.want(acme, Thing{"x", "", 2});
    t.have(Thing{"x", "", 1});
    t.ours(x, acme, 3);
    CHECK(t.run().steps.at(0).cause == Cause::drifted);
    t.ours(x, acme, 2);
    CHECK(t.run().steps.at(0).cause == Cause::spec_changed);
    t.ours(x, acme, 0);
    CHECK(t.run().steps.at(0).cause == Cause::never_converged);
}

TEST_CASE("unseen is not absent: neither made nor removed, and what refers to it waits") {
    Table t;
    auto acme = t.object("acme");
    auto owner = t.want(acme, Owner{"acme", 1});
    t.want(acme, Thing{"x", "acme"});
    t.ours({"thing", "old"}, acme);
    SECTION("one record") {
        t.world.observed.unseen = {{owner, "gone for now"}, {{"thing", "old"}, "gone for now"}};
        auto p = t.run();
        CHECK(p.steps.empty());
        CHECK(p.holds.size() == 3);
        CHECK(p.gone.empty());
    }
    SECTION("a whole kind") {
        t.world.observed.unreachable = {{"owner", "down"}, {"thing", "down"}};
        auto p = t.run();
        CHECK(p.steps.empty());
        CHECK(p.gone.empty());
        CHECK(first_reason(p) == "unseen");
    }
}

TEST_CASE("an unmanaged object of our next name is a conflict until it is adopted") {
    Table t;
    auto acme = t.object("acme");
    auto x = t.want(acme, Thing{"x", "", 2});
    t.world.observed.unmanaged[x] = {encode(Thing{"x", "", 7}), "made by hand"};
    auto p = t.run();
    CHECK(p.steps.empty());
    CHECK(first_reason(p) == "conflict");
    CHECK(p.holds[0].message == "made by hand");
    t.subjects[acme].adopt = true;
    p = t.run();
    REQUIRE(p.steps.size() == 1);
    CHECK(p.steps[0].step.verb == Verb::update);
}

TEST_CASE("where nothing carries a marker, only the journal says what is ours") {
    Table t;
    auto acme = t.object("acme");
    auto pass = t.want(acme, Pass{"p", ""});
    t.have(Pass{"p", "other"});
    CHECK(first_reason(t.run()) == "conflict");
    t.ours(pass, acme);
    CHECK(t.run().steps.size() == 1);
}

TEST_CASE("what hangs on a record of ours is removed, no matter who made it") {
    Table t;
    auto acme = t.object("acme");
    auto x = t.want(acme, Thing{"x", ""});
    t.have(Thing{"x", ""});
    t.ours(x, acme);
    t.have(Pass{"widened", "x"});
    t.have(Pass{"foreign", "elsewhere"});
    auto p = t.run();
    REQUIRE(p.steps.size() == 1);
    CHECK(p.steps[0].step.ref.key == "widened");
    CHECK(p.steps[0].step.verb == Verb::remove);
}

TEST_CASE("a marked record that nothing asks for and nobody remembers is reported, never pruned") {
    Table t;
    t.have(Thing{"x", ""});
    auto p = t.run();
    CHECK(p.steps.empty());
    CHECK(first_reason(p) == "orphan");
}

TEST_CASE("removal runs in the reverse of making, after everything that referred to it has changed") {
    Table t;
    auto acme = t.object("acme", Phase::purged);
    t.ours(t.have(Owner{"acme", 1}), acme);
    t.ours(t.have(Thing{"x", "acme"}), acme);
    t.ours(t.have(Pass{"p", "x"}), acme);
    auto p = t.run();
    REQUIRE(p.steps.size() == 3);
    CHECK(p.steps[0].step.ref.kind == "pass");
    CHECK(p.steps[1].step.ref.kind == "thing");
    CHECK(p.steps[2].step.ref.kind == "owner");
    CHECK(p.steps[2].step.after == std::set<Ref>{{"thing", "x"}});
}

TEST_CASE("what is gone already is only forgotten") {
    Table t;
    auto acme = t.object("acme", Phase::purged);
    t.ours({"thing", "x"}, acme);
    auto p = t.run();
    CHECK(p.steps.empty());
    CHECK(p.gone == std::vector<Ref>{{"thing", "x"}});
}

TEST_CASE("data is not removed while its object lives, unless an operator confirms") {
    Table t;
    auto acme = t.object("acme");
    t.ours(t.have(Thing{"x", ""}), acme);
    CHECK(first_reason(t.run()) == "holds_data");
    t.subjects[acme].confirmed = true;
    CHECK(t.run().steps.size() == 1);
}

TEST_CASE("more removals than allowed are all held until confirmed") {
    Table t;
    for (auto const* name : {"aaa", "bbb", "ccc"}) t.ours(t.have(Thing{name, ""}), t.object(name, Phase::purged));
    auto p = t.run();
    CHECK(p.steps.empty());
    CHECK(p.holds.size() == 3);
    CHECK(first_reason(p) == "removal_limit");
    for (auto& [ref, s] : t.subjects) s.confirmed = true;
    CHECK(t.run().steps.size() == 3);
}

TEST_CASE("a fixed field is never changed under a living record") {
    Table t;
    auto acme = t.object("acme");
    t.want(acme, Owner{"acme", 2});
    t.have(Owner{"acme", 1});
    CHECK(first_reason(t.run()) == "replacement");
}

TEST_CASE("a pause shows the difference and does nothing") {
    Table t;
    auto acme = t.object("acme");
    t.want(acme, Thing{"x", "", 2});
    t.have(Thing{"x", "", 1});
    SECTION("of one object") { t.subjects[acme].paused = true; }
    SECTION("of everything") { t.policy.paused = true; }
    auto p = t.run();
    CHECK(p.steps.empty());
    REQUIRE(p.holds.size() == 1);
    CHECK(p.holds[0].reason == HoldReason::paused);
    CHECK(p.holds[0].changes.at(0).path == "/size");
}

TEST_CASE("a pause says of what is missing and of what was added by hand which it is, and the latter's values") {
    Table t;
    auto acme = t.object("acme");
    t.policy.paused = true;
    t.ours(t.want(acme, Thing{"x", ""}), acme);
    t.have(Thing{"x", ""});
    t.ours(t.want(acme, Thing{"y", ""}), acme);
    t.have(Pass{"by-hand", "x"});
    auto p = t.run();
    REQUIRE(p.holds.size() == 2);
    CHECK(p.holds[0].message == "is missing; repair is paused");
    CHECK(p.holds[1].message == "should not be there; repair is paused");
    CHECK(p.holds[1].cause == Cause::drifted);
    REQUIRE(p.holds[1].changes.size() == 2);
    CHECK(p.holds[1].changes[1].path == "/thing");
    CHECK(p.holds[1].changes[1].from == json::value("x"));
}

TEST_CASE("a failing record rests until its time and holds only what refers to it") {
    Table t;
    auto acme = t.object("acme");
    auto x = t.want(acme, Thing{"x", ""});
    t.want(acme, Thing{"y", ""});
    t.want(acme, Pass{"px", "x"});
    t.want(acme, Pass{"py", "y"});
    auto& m = t.ours(x, acme, 0);
    m.attempts = 1;
    m.error = "no luck";
    m.next_attempt = t.policy.now + std::chrono::seconds(1);
    auto p = t.run();
    CHECK(p.holds.size() == 2);
    CHECK(first_reason(p) == "backing_off");
    CHECK(p.holds[1].reason == HoldReason::waits);
    REQUIRE(p.steps.size() == 2);
    CHECK(p.steps[1].step.ref.key == "py");
    m.next_attempt = t.policy.now;
    CHECK(t.run().holds.empty());
}

TEST_CASE("a refusal is terminal until the spec changes") {
    Table t;
    auto acme = t.object("acme", Phase::active, 4);
    auto x = t.want(acme, Thing{"x", ""});
    auto& ours = t.ours(x, acme, 0);
    ours.refused = true;
    CHECK(first_reason(t.run()) == "refused");
    ours.refused = false;
    CHECK(t.run().holds.empty());
}

TEST_CASE("the same arguments give the same plan, byte for byte") {
    Table t;
    auto acme = t.object("acme");
    for (int i = 0; i < 20; ++i) t.want(acme, Thing{"x" + std::to_string(i), ""});
    CHECK(json::serialize(describe(t.run())) == json::serialize(describe(t.run())));
}
