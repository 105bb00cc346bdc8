// What waits for a driver: turns, merged observations, lateness, pauses; each call ends when the test says so.
#include "tests/unit/driver_pool_bench.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

Ref const acme{"owner", "acme"}, x{"thing", "x"}, y{"thing", "y"}, z{"thing", "z"};
Scopes const things{{"thing", {}}};

}  // namespace

TEST_CASE(
    "observations and steps that wait for one driver are taken in turns, all that wait of the one kind together") {
    PoolBench bench;
    bench.observe(1, things);
    bench.pool.pump();
    bench.step(x);
    bench.step(y);
    bench.observe(2, things);
    CHECK(bench.end() == Said{"observed 1:"});
    bench.step(z);
    bench.observe(3, things);
    CHECK(bench.end() == Said{"done create thing/x", "done create thing/y"});
    CHECK(bench.end() == Said{"observed 2: thing/x thing/y", "observed 3: thing/x thing/y"});
    CHECK_FALSE(bench.pool.idle());
    CHECK(bench.end() == Said{"done create thing/z"});
    CHECK(bench.pool.idle());
    CHECK(bench.completed == std::vector<std::size_t>(4, 0));
}

TEST_CASE("requests that wait share one observation, and each is answered with its part alone") {
    PoolBench bench;
    for (auto const& ref : {acme, x, y}) bench.world.records[ref] = {{"name", ref.key}};
    bench.world.unmanaged[z] = {};
    bench.observe(1, things);
    bench.pool.pump();
    bench.observe(2, {{"thing", {{"x"}}}});
    bench.observe(3, {{"thing", {{"y", "z"}}}, {"owner", {{"acme"}}}});
    bench.observe(4, {{"owner", {}}});
    SECTION("of what is there") {
        bench.end();
        CHECK(bench.end() == Said{"observed 2: thing/x", "observed 3: owner/acme thing/y unmanaged thing/z",
                                  "observed 4: owner/acme"});
    }
    SECTION("of what could not be seen or is under way") {
        bench.end();
        bench.world.unseen = {x};
        bench.driver.working[y] = {};
        CHECK(bench.end() == Said{"observed 2: unseen thing/x",
                                  "observed 3: in progress thing/y owner/acme thing/y unmanaged thing/z",
                                  "observed 4: owner/acme"});
    }
    SECTION("of a kind that cannot be observed") {
        bench.end();
        bench.driver.broken["owner"] = "is down";
        CHECK(bench.end() == Said{"observed 2: thing/x",
                                  "observed 3: thing/y unmanaged thing/z unreachable owner: is down",
                                  "observed 4: unreachable owner: is down"});
    }
    SECTION("where one of them asks for everything") {
        bench.world.records[{"thing", "w"}] = {{"name", "w"}};
        bench.observe(5, things);
        bench.end();
        CHECK(bench.end() == Said{"observed 2: thing/x", "observed 3: owner/acme thing/y unmanaged thing/z",
                                  "observed 4: owner/acme", "observed 5: thing/w thing/x thing/y unmanaged thing/z"});
    }
    CHECK(bench.pool.idle());
}

TEST_CASE("a batch makes kinds in the order of their references, and a name is free before it is taken") {
    PoolBench bench;
    bench.step(y);
    bench.step(x, Verb::remove);
    bench.step({"thing", "w"}, Verb::remove);
    bench.step(acme);
    bench.pool.pump();
    CHECK(bench.end() ==
          Said{"done create owner/acme", "done remove thing/x", "done remove thing/w", "done create thing/y"});
}

TEST_CASE(
    "slow steps are taken a few at a time, in turns with what is not slow, those first that have waited longest") {
    PoolBench bench;
    auto const pass = [](int n) { return Ref{"pass", std::to_string(n)}; };
    for (int const n : {3, 1, 2, 5, 4}) bench.step(pass(n), Verb::remove);
    bench.pool.pump();
    for (int const n : {7, 6}) bench.step(pass(n));
    CHECK(bench.end(1) == Said{"done remove pass/3", "done remove pass/1"});
    bench.step(pass(8));
    CHECK(bench.end(1) == Said{"done create pass/6", "done create pass/7"});
    bench.step(pass(6), Verb::update);
    CHECK(bench.end(1) == Said{"done remove pass/5", "done remove pass/2"});
    CHECK(bench.end(1) == Said{"done create pass/8"});
    bench.step(pass(7), Verb::update);
    bench.step(pass(8), Verb::update);
    CHECK(bench.end(1) == Said{"done remove pass/4", "done update pass/6"});
    CHECK_FALSE(bench.pool.idle());
    CHECK(bench.end(1) == Said{"done update pass/7", "done update pass/8"});
    CHECK(bench.pool.idle());
    CHECK(bench.pool.next_timer() == Steady::max());
}

TEST_CASE(
    "an observation comes between two batches of slow steps, and those that wait are given back by a late driver") {
    PoolBench bench;
    for (int n = 1; n <= 5; ++n) bench.step({"pass", std::to_string(n)}, Verb::remove);
    bench.pool.pump();
    bench.pool.observe(1, 1, {{"pass", {{"1"}}}});
    CHECK(bench.end(1).size() == 2);
    CHECK(bench.end(1) == Said{"observed 1:"});
    CHECK(bench.pass(bench.timeouts.late_batch + 2 * bench.timeouts.late_step) ==
          Said{"late, has begun pass/4 pass/3, gives back pass/5"});
    CHECK(bench.end(1).size() == 3);
    CHECK(bench.pool.idle());
}

TEST_CASE("data of an object that has changed since its removal was planned is not removed") {
    PoolBench bench;
    Ref const kept{"thing", "kept"}, gone{"thing", "gone"};
    for (auto const& ref : {kept, gone, x}) bench.world.records[ref] = {{"name", ref.key}};
    bench.outdated = {kept, x};
    bench.observe(1, {{"thing", {{"kept"}}}});
    bench.pool.pump();
    bench.step(kept, Verb::remove);
    bench.step(gone, Verb::remove);
    bench.step(x, Verb::update);
    auto const why = ": its object was changed before the data was removed";
    CHECK(bench.end() == Said{"observed 1: thing/kept", std::string("in_progress remove thing/kept") + why});
    CHECK(bench.end() == Said{"done remove thing/gone", "done update thing/x"});
    CHECK(bench.world.records.contains(kept));
    bench.step(kept, Verb::remove);
    bench.pool.pump();
    CHECK(bench.heard() == Said{std::string("in_progress remove thing/kept") + why});
    CHECK(bench.pool.idle());
}

TEST_CASE("nothing is done that could not be written down first") {
    PoolBench bench;
    bench.journal.full = true;
    bench.step(x);
    bench.pool.pump();
    CHECK(bench.end() == Said{"retry create thing/x: no space left on device"});
    CHECK(bench.world.records.empty());
}

TEST_CASE("a driver that is late gives back what it has not begun, and holds up no other") {
    PoolBench bench;
    bench.step(x);
    bench.pool.pump();
    bench.step(y);
    bench.observe(7, {{"owner", {}}, {"thing", {{"x"}}}});
    auto const allowed = bench.timeouts.late_batch + bench.timeouts.late_step;
    CHECK(bench.pool.next_timer() == bench.clock.steady() + allowed);
    CHECK(bench.pass(allowed - 1ms).empty());
    CHECK(bench.pool.unavailable(0).empty());
    CHECK(bench.pass(1ms) ==
          Said{"observed 7: unreachable owner: a does not answer unreachable thing: a does not answer",
               "late, has begun thing/x, gives back thing/y"});
    CHECK(bench.pool.unavailable(0) == "a does not answer");
    CHECK(bench.pool.unreachable().size() == 2);
    CHECK(bench.pool.unavailable(1).empty());
    CHECK(bench.pool.idle());
    CHECK(bench.pass(1s).empty());

    SECTION("its late answer counts, and it is asked again") {
        CHECK(bench.end() == Said{"done create thing/x", "recovered"});
        CHECK(bench.pool.unavailable(0).empty());
        CHECK(bench.pool.unreachable().empty());
        CHECK_FALSE(bench.world.records.contains(y));
        CHECK(bench.pool.next_timer() == Steady::max());
    }
    SECTION("once its deadline has passed as well it is overdue, which is said once") {
        auto const left = bench.timeouts.batch + bench.timeouts.step + bench.timeouts.grace - allowed - 1s;
        CHECK(bench.pool.next_timer() == bench.clock.steady() + left);
        CHECK(bench.pass(left - 1ms).empty());
        CHECK(bench.pass(1ms) == Said{"overdue, has begun thing/x"});
        CHECK(bench.pass(1h).empty());
        CHECK(bench.end() == Said{"done create thing/x", "recovered"});
    }
    SECTION("the other driver is taken meanwhile") {
        bench.step({"pass", "p"});
        bench.pool.pump();
        bench.calls.end(1);
        bench.pool.completed(1);
        CHECK(bench.heard() == Said{"done create pass/p"});
    }
}

TEST_CASE("more work may take longer before a driver is late") {
    PoolBench bench;
    SECTION("steps") {
        for (int i = 0; i < 100; ++i) bench.step({"thing", std::to_string(i)});
        bench.pool.pump();
        CHECK(bench.pass(bench.timeouts.late_batch + 100 * bench.timeouts.late_step - 1ms).empty());
    }
    SECTION("records that are observed") {
        Scope many;
        for (int i = 0; i < 10000; ++i) many.keys.push_back(std::to_string(i));
        bench.observe(1, {{"thing", many}});
        bench.pool.pump();
        CHECK(bench.pass(bench.timeouts.late_observe + 1s - 1ms).empty());
    }
    CHECK(bench.pass(1ms).size() == 1);
}

TEST_CASE("what a late driver has observed in the end is still answered") {
    PoolBench bench;
    bench.world.records[x] = {{"name", "x"}};
    bench.observe(1, things);
    bench.pool.pump();
    CHECK(bench.pass(1s) == Said{"late, has begun, gives back"});
    CHECK(bench.end() == Said{"observed 1: thing/x", "recovered"});
}

TEST_CASE("between two batches of a costly driver is its least interval; observations do not wait for it") {
    PoolBench bench;
    bench.driver.interval = 1s;
    bench.step(x);
    bench.pool.pump();
    bench.end();
    bench.step(y);
    bench.observe(1, things);
    bench.pool.pump();
    CHECK(bench.pool.next_timer() > bench.clock.steady());
    CHECK(bench.end() == Said{"observed 1: thing/x"});
    CHECK_FALSE(bench.calls.busy(0));
    CHECK(bench.pool.next_timer() == bench.clock.steady() + 1s);
    bench.pass(999ms);
    CHECK_FALSE(bench.calls.busy(0));
    bench.pass(1ms);
    REQUIRE(bench.calls.busy(0));
    CHECK(bench.end() == Said{"done create thing/y"});
}

TEST_CASE("steps for a costly driver gather while more are to come") {
    PoolBench bench;
    bench.driver.interval = 1s;
    bench.more = true;
    bench.step(x);
    bench.pool.pump();
    CHECK(bench.pool.next_timer() == bench.clock.steady() + bench.timeouts.gather);
    bench.pass(bench.timeouts.gather - 1ms);
    bench.step(y);
    bench.pool.pump();
    CHECK_FALSE(bench.calls.busy(0));
    SECTION("until the first of them has waited long enough") { bench.pass(1ms); }
    SECTION("until no more are to come") {
        bench.more = false;
        bench.pool.pump();
    }
    REQUIRE(bench.calls.busy(0));
    CHECK(bench.end() == Said{"done create thing/x", "done create thing/y"});
}

TEST_CASE("steps for a driver that costs nothing do not wait for more") {
    PoolBench bench;
    bench.more = true;
    bench.step(x);
    bench.pool.pump();
    CHECK(bench.calls.busy(0));
}

TEST_CASE("the pauses of a driver that cannot observe double up to the longest, and one success ends them") {
    PoolBench bench;
    for (auto const pause : {1s, 2s, 4s, 8s, 8s}) {
        CHECK(bench.fail() == Said{"observed 1: unreachable thing: is down"});
        CHECK(bench.pool.unavailable(0) == "is down");
        CHECK(bench.pool.unreachable() == std::map<std::string, std::string>{{"thing", "is down"}});
        CHECK(bench.pool.next_timer() == bench.clock.steady() + pause);
        CHECK(bench.pass(pause - 1ms).empty());
        CHECK_FALSE(bench.pool.unavailable(0).empty());
        CHECK(bench.pass(1ms) == Said{"recovered"});  // nothing else shows whether it has
        CHECK(bench.pool.unavailable(0).empty());
    }
    bench.driver.broken.clear();
    bench.observe(1, things);
    bench.pool.pump();
    CHECK(bench.end() == Said{"observed 1:"});
    bench.fail();
    CHECK(bench.pool.next_timer() == bench.clock.steady() + bench.timeouts.retry_first);
}

TEST_CASE("a driver that cannot observe is tried with one record, and what waits is looked at once that is seen") {
    PoolBench bench;
    bench.world.records[x] = {{"name", "x"}};
    bench.fail();
    bench.pool.probe_with(0, x);
    CHECK(bench.pass(1s).empty());
    REQUIRE(bench.calls.busy(0));
    CHECK(bench.end().empty());
    CHECK(bench.pool.unavailable(0) == "is down");
    CHECK(bench.pool.next_timer() == bench.clock.steady() + 2s);
    SECTION("it is there, or not: it was seen") {
        if (GENERATE(true, false)) bench.world.records.clear();
        bench.driver.broken.clear();
        CHECK(bench.pass(2s).empty());
        CHECK(bench.end() == Said{"recovered"});
        CHECK(bench.pool.unavailable(0).empty());
        CHECK(bench.pool.unreachable().empty());
    }
    SECTION("every kind that could not be observed must be seen again") {
        bench.driver.broken = {{"owner", "is down too"}};
        bench.observe(2, {{"owner", {}}});
        bench.pool.pump();
        CHECK(bench.end() == Said{"observed 2: unreachable owner: is down too"});
        bench.pass(4s);
        CHECK(bench.end().empty());
        CHECK_FALSE(bench.pool.unavailable(0).empty());
    }
    SECTION("who asks while it is tried is answered from an observation after that") {
        bench.driver.broken.clear();
        bench.pass(2s);
        bench.observe(3, things);
        CHECK(bench.end() == Said{"recovered"});
        CHECK(bench.end() == Said{"observed 3: thing/x"});
    }
}

TEST_CASE("an operator ends the pause of a driver that cannot observe; one that can is left alone") {
    PoolBench bench;
    bench.fail();
    bench.fail();
    bench.pool.retry_now();
    CHECK(bench.pool.unavailable(0).empty());
    CHECK(bench.pool.next_timer() == bench.clock.steady());
    CHECK(bench.pass(0ms) == Said{"recovered"});
    bench.pool.retry_now();
    CHECK(bench.pass(0ms).empty());
    CHECK(bench.pool.next_timer() == Steady::max());
}

TEST_CASE("a probe that waits behind a batch that is late is not the last") {
    PoolBench bench;
    bench.driver.interval = 2s;
    bench.step(x);
    bench.pool.pump();
    bench.end();
    bench.step(y);  // due in two seconds
    bench.fail();
    bench.pool.probe_with(0, x);
    bench.clock.advance(2s);  // both are due: the batch comes first
    bench.pool.advance();
    REQUIRE(bench.calls.busy(0));
    bench.pass(10s);
    bench.driver.broken.clear();
    bench.end();
    bench.pass(10s);
    if (bench.calls.busy(0)) bench.end();
    CHECK(bench.pool.unavailable(0).empty());
}

TEST_CASE("a driver that hung once is soon expected to answer as before, and a listing says nothing of a question") {
    PoolBench bench;
    auto const ask = [&](std::chrono::milliseconds took, bool listing) {
        bench.observe(1, listing ? things : Scopes{{"thing", Scope{{"x"}}}});
        bench.pool.pump();
        bench.pass(took);
        bench.end();
    };
    ask(100ms, true);
    ask(100ms, false);
    CHECK(bench.pool.expected(0, true) == bench.timeouts.late_observe);
    ask(25s, true);
    CHECK(bench.pool.expected(0, true) <= 4 * bench.timeouts.late_observe);
    CHECK(bench.pool.expected(0, false) == bench.timeouts.late_observe);
    for (int i = 0; i < 5; ++i) ask(2s, true);
    CHECK(bench.pool.expected(0, true) == 4s);  // slow, not late
    ask(100ms, true);
    CHECK(bench.pool.expected(0, true) == bench.timeouts.late_observe);
}

TEST_CASE("a look at one kind that goes well does not end the pause for another kind of the same driver") {
    PoolBench bench;
    bench.world.records[x] = {{"name", "x"}};
    bench.fail();
    bench.pool.probe_with(0, x);
    bench.pass(1s);
    bench.end();  // in vain: a pause of two seconds
    bench.observe(2, {{"owner", {}}});
    bench.pool.pump();
    CHECK(bench.end() == Said{"observed 2:"});
    CHECK(bench.pool.unreachable() == std::map<std::string, std::string>{{"thing", "is down"}});
    CHECK(bench.pool.next_timer() == bench.clock.steady() + 2s);
}
