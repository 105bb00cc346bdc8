// The executor: order, failure, hung drivers; and the loop that wakes it.
#include "reconciler/run/loop.hpp"
#include "reconciler/api/routes/handlers.hpp"
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

bool eventually(std::function<bool()> const& holds, std::chrono::milliseconds within = 60s) {
    auto const until = std::chrono::steady_clock::now() + within;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

struct Running {
    explicit Running(Bed& bed, ReconcilerSettings settings = {})
        : loop(*bed.store, *bed.store, drivers_of(bed), bed.clock, bed.log, seeded(settings)) {
        loop.start();
    }
    static std::vector<AnyDriver*> drivers_of(Bed& bed) {
        bed.reconciler.reset();  // the loop brings its own
        bed.workers.reset();
        std::vector<AnyDriver*> out;
        for (auto const& d : bed.drivers) out.push_back(d.get());
        return out;
    }
    static ReconcilerSettings seeded(ReconcilerSettings settings) {
        settings.backoff.seed = 1;
        return settings;
    }
    Loop loop;
};

std::size_t count(std::vector<std::string> const& calls, std::string const& call) {
    return static_cast<std::size_t>(std::count(calls.begin(), calls.end(), call));
}

bool ready(Bed& bed, Ref const& ref) {
    auto object = bed.store->find(ref);
    if (!object) return false;
    for (auto const& c : object->conditions)
        if (c.type == ConditionType::ready)
            return c.status == Truth::yes && c.observed_generation == object->generation;
    return false;
}

}  // namespace

namespace {

ReconcilerSettings hasty() {
    auto s = Bed::quick();
    s.timeouts.batch = 300ms;
    s.timeouts.observe = 300ms;
    s.timeouts.step = 0ms;
    s.timeouts.grace = 50ms;
    s.timeouts.late_batch = 100ms;
    s.timeouts.late_step = 0ms;
    s.timeouts.late_observe = 100ms;
    return s;
}

}  // namespace

TEST_CASE("a driver that hangs holds up its own records; the other drivers and the rest of the account go on") {
    Bed bed(hasty(), {}, Bed::Calls::on_threads);
    bed.put(standard_account("acme", "acme.example"));
    bed.world.hanging_driver = "mariadb";
    bed.world.hang = true;
    bed.pass();
    CHECK(bed.world.records.contains({"site", "acme.example"}));
    CHECK_FALSE(bed.world.records.contains({"database", "acme_shop"}));
    SECTION("while it hangs its kinds are unreachable, nothing of them is made or removed") {
        auto const plan = bed.examine();
        for (auto const& s : plan.steps) CHECK(s.driver != "mariadb");
        bool held = false;
        for (auto const& h : plan.holds) held = held || (h.ref.kind == "database" && h.reason == HoldReason::in_flight);
        CHECK(held);
    }
    SECTION("the account is not in flight meanwhile: a change that needs no database is made") {
        CHECK_FALSE(bed.reconciler->in_flight({"account", "acme"}));
        bed.drift("site", "acme.example", "live", false);
        bed.pass();
        CHECK(bed.record("site", "acme.example").at("live") == true);
    }
    bed.world.hang = false;
    CHECK(eventually([&] {
        bed.clock.advance(400s);
        bed.pass();
        return bed.ready({"account", "acme"});
    }));
    CHECK(count(bed.world.calls, "apply database 1") == 1);
}

TEST_CASE("a driver that throws fails its batch, and the reason is reported") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.world.fail["tls"] = 1;
    auto const result = bed.pass();
    CHECK(result.failed == 1);
    bool shown = false;
    for (auto const& r : bed.status({"account", "acme"}).records)
        shown = shown || (r.kind == "certificate" && r.message == "injected");
    CHECK(shown);
}

TEST_CASE("the pause between attempts doubles, and a changed spec ends it") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.world.fail["tls"] = 100;
    bed.pass();
    auto due = [&] { return *bed.reconciler->next_due() - bed.clock.now(); };
    auto const first = due();
    CHECK(first >= 800ms);
    CHECK(first <= 1200ms);
    for (int i = 0; i < 4; ++i) {
        bed.clock.advance(1h);
        bed.pass();
    }
    CHECK(due() >= 12s);
    auto yaml = standard_account("acme", "acme.example");
    bed.put(yaml + "contact: ops@acme.example\n");
    bed.world.fail["tls"] = 0;
    CHECK(bed.pass().failed == 0);
}

TEST_CASE("a failure is tried again though much time passed between noting and saving it") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.world.fail["tls"] = 1;
    bed.log.on_line = [&] { bed.clock.advance(1h); };  // the line that reports the failure
    bed.pass();
    CHECK((bed.reconciler->next_due() || bed.reconciler->pending().contains({"account", "acme"})));
}

TEST_CASE("a change that does not stick is a failure, not an endless loop") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.converge();
    for (int i = 0; i < 3; ++i) {
        bed.drift("unix_user", "acme", "shell", "/bin/evil");
        bed.pass();
    }
    auto const states = bed.store->records();
    auto it = std::find_if(states.begin(), states.end(), [](auto const& s) { return s.ref.kind == "unix_user"; });
    REQUIRE(it != states.end());
    CHECK(it->attempts >= 1);
    CHECK(it->error.find("still differs in /shell") != std::string::npos);
}

TEST_CASE("a pass over a converged machine writes nothing: not to it, not to the store") {
    Bed bed;
    for (int i = 0; i < 20; ++i)
        bed.put(standard_account("acc" + std::to_string(i), "d" + std::to_string(i) + ".example"));
    bed.converge();
    auto const before = bed.world.mutations;
    auto const history = bed.store->history({}, INT64_MAX, 1000).size();
    bed.world.calls.clear();
    bed.clock.advance(1h);
    CHECK(bed.pass().steps == 0);
    CHECK(bed.world.mutations == before);
    CHECK(bed.world.calls.empty());
    CHECK(bed.store->history({}, INT64_MAX, 1000).size() == history);
}

TEST_CASE("of 200 accounts at once, all sites that wait for the same drivers are one batch and one reload") {
    Bed bed;
    for (int i = 0; i < 200; ++i)
        bed.put(standard_account("acc" + std::to_string(i), "d" + std::to_string(i) + ".example"));
    bed.pass();
    CHECK(count(bed.world.calls, "commit apache") == 2);   // plain sites wait for directories only,
    CHECK(count(bed.world.calls, "apply site 200") == 2);  // the others for certificates and PHP as well
    CHECK(bed.examine().empty());
}

TEST_CASE("one dirty object among many is looked at and changed alone") {
    Bed bed;
    for (int i = 0; i < 10; ++i)
        bed.put(standard_account("acc" + std::to_string(i), "d" + std::to_string(i) + ".example"));
    bed.converge();
    bed.drift("unix_user", "acc3", "shell", "/bin/evil");
    bed.drift("unix_user", "acc4", "shell", "/bin/evil");
    auto const result = bed.pass(Dirty{{"account", "acc3"}});
    CHECK(result.steps == 1);
    CHECK(bed.record("unix_user", "acc3").at("shell") != "/bin/evil");
    CHECK(bed.record("unix_user", "acc4").at("shell") == "/bin/evil");
}

TEST_CASE("the loop converges what it is woken for, and is ready only when it has seen it") {
    Bed bed;
    Running running(bed);
    bed.put(standard_account("acme", "acme.example"));
    running.loop.wake({"account", "acme"}, true);
    CHECK(eventually([&] { return ready(bed, {"account", "acme"}); }));
    CHECK(eventually([&] { return running.loop.not_ready().empty(); }));  // set right after the status is
}

TEST_CASE("the loop converges without any event, by its full pass alone") {
    Bed bed;
    ReconcilerSettings settings;
    settings.resync = 50ms;
    Running running(bed, settings);
    CHECK(eventually([&] { return running.loop.not_ready().empty(); }));
    bed.put(standard_account("acme", "acme.example"));
    CHECK(eventually([&] { return ready(bed, {"account", "acme"}); }));
    {
        std::lock_guard lock(bed.world.mutex);
        bed.world.records.erase({"site", "acme.example"});
    }
    CHECK(eventually([&] {
        std::lock_guard lock(bed.world.mutex);
        return bed.world.records.contains({"site", "acme.example"});
    }));
}

TEST_CASE("a failing record is tried again by the loop when its time has come") {
    Bed bed;
    Running running(bed);
    bed.put(standard_account("acme", "acme.example"));
    {
        std::lock_guard lock(bed.world.mutex);
        bed.world.fail["apache"] = 2;
    }
    running.loop.wake({"account", "acme"}, true);
    CHECK(eventually([&] {
        bed.clock.advance(500ms);
        return ready(bed, {"account", "acme"});
    }));
}

TEST_CASE("many wakes at once share few passes") {
    Bed bed;
    Running running(bed);
    CHECK(eventually([&] { return running.loop.not_ready().empty(); }));
    for (int i = 0; i < 100; ++i) {
        auto const name = "acc" + std::to_string(i);
        bed.put(standard_account(name, "d" + std::to_string(i) + ".example"));
        running.loop.wake({"account", name}, true);
    }
    CHECK(eventually([&] { return ready(bed, {"account", "acc99"}) && ready(bed, {"account", "acc0"}); }));
    std::lock_guard lock(bed.world.mutex);
    CHECK(count(bed.world.calls, "commit apache") <= 20);
}

TEST_CASE("stopping the loop answers those who still ask with an error, and does not hang") {
    Bed bed;
    auto running = std::make_unique<Running>(bed);
    running->loop.stop();
    CHECK_THROWS_AS(running->loop.examine({}).get(), Fault);
}

TEST_CASE("a caller that waits for a plan fails at once when the loop stops, also while a driver hangs") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.world.hanging_driver = "mariadb";
    bed.world.hang = true;
    Running running(bed);
    REQUIRE(eventually([&] {
        std::lock_guard lock(bed.world.mutex);
        return bed.world.records.contains({"site", "acme.example"});
    }));
    auto plan = running.loop.examine({});  // a pass is under way
    std::jthread const stopping([&] { running.loop.stop(); });
    CHECK(eventually([&] { return plan.wait_for(0s) == std::future_status::ready; }));
    CHECK_THROWS_AS(handlers::wait_for(std::move(plan)), Fault);
    bed.world.hang = false;
}

TEST_CASE("asking for a plan while the loop works changes nothing") {
    Bed bed;
    Running running(bed);
    auto const spec = read_spec(parse_yaml(standard_account("acme", "acme.example")).value().front().value).value();
    auto const object = dry_run({*bed.store, bed.reserved}, spec, {}).value();  // not stored: no pass can make it
    std::size_t steps = 0;
    steps += running.loop.preview(object).get().steps.size();
    CHECK(steps >= 5);
    CHECK_FALSE(bed.store->find(object.ref));
    std::lock_guard lock(bed.world.mutex);
    CHECK(bed.world.mutations == 0);
}
