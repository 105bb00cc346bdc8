// What waits for a driver: turns, merged observations, lateness, pauses; each call ends when the test says so.
#include "reconciler/run/driver_pool.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/unit/plan_table.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

using Said = std::vector<std::string>;
using Scopes = std::map<std::string, Scope>;

// In memory; some of its kinds may be unreachable, and it may be costly.
class TestDriver final : public AnyDriver {
public:
    TestDriver(std::string name, std::vector<MemoryDriver::Kind> kinds, MemoryWorld& world)
        : memory_(std::move(name), std::move(kinds), world) {}
    [[nodiscard]] std::string_view name() const override { return memory_.name(); }
    [[nodiscard]] std::vector<Schema const*> kinds() const override { return memory_.kinds(); }
    [[nodiscard]] KindTraits traits(std::string_view kind) const override { return memory_.traits(kind); }
    [[nodiscard]] std::chrono::milliseconds least_interval() const override { return interval; }
    Observation observe(std::string_view kind, Scope const& scope, Context& context) override {
        if (auto const why = broken.find(std::string(kind)); why != broken.end()) throw Fault(why->second);
        auto out = memory_.observe(kind, scope, context);
        for (auto const& [ref, progress] : working)
            if (ref.kind == kind) out.in_progress.emplace(ref, progress);
        return out;
    }
    std::vector<Outcome> apply(std::span<AnyStep const> steps, Context& context) override {
        return memory_.apply(steps, context);
    }
    CommitResult commit(Context& context) override { return memory_.commit(context); }

    std::map<std::string, std::string> broken;  // kind → why it cannot be observed
    std::map<Ref, Progress> working;
    std::chrono::milliseconds interval{};

private:
    MemoryDriver memory_;
};

// Calls that are under way until they are ended.
class HeldCalls final : public Workers {
public:
    explicit HeldCalls(std::vector<AnyDriver*> drivers) : drivers_(std::move(drivers)), calls_(drivers_.size()) {}
    [[nodiscard]] std::vector<AnyDriver*> const& drivers() const override { return drivers_; }
    void run(std::size_t driver, Job job, std::function<void()> ended) override {
        REQUIRE_FALSE(calls_[driver]);
        calls_[driver] = [this, driver, job = std::move(job), ended = std::move(ended)] {
            job(*drivers_[driver]);
            ended();
        };
    }
    [[nodiscard]] bool busy(std::size_t driver) const { return calls_[driver] != nullptr; }
    void end(std::size_t driver) { std::exchange(calls_[driver], nullptr)(); }

private:
    std::vector<AnyDriver*> drivers_;
    std::vector<std::function<void()>> calls_;
};

struct TestJournal final : Journal {
    void intend(std::span<AnyStep const>, std::span<std::string const>) override {
        if (full) throw Fault("no space left on device");
    }
    void record(std::span<AnyStep const>, std::span<Outcome const>) override {}
    bool full = false;
};

// The pool's owner: keeps what it hears, a line each.
struct Bench final : DriverEvents {
    Bench() {
        clock.set(Time(24h));
        pool.set_events(*this);
    }
    void observed(ObservationId id, std::size_t, Observation part) override {
        std::set<std::string> all;
        for (auto const& [ref, value] : part.found) all.insert(ref.str());
        for (auto const& [ref, why] : part.unseen) all.insert("unseen " + ref.str());
        for (auto const& [ref, value] : part.unmanaged) all.insert("unmanaged " + ref.str());
        for (auto const& [ref, progress] : part.in_progress) all.insert("in progress " + ref.str());
        for (auto const& [kind, why] : part.unreachable) all.insert("unreachable " + kind + ": " + why);
        std::string line = "observed " + std::to_string(id) + ":";
        for (auto const& what : all) line += " " + what;
        said.push_back(line);
    }
    void step_ended(StepRequest const& request, Outcome const& outcome) override {
        said.push_back(std::string(word_of(outcome.how)) + " " + std::string(word_of(request.step.verb)) + " " +
                       request.step.ref.str() + (outcome.why.empty() ? "" : ": " + outcome.why));
    }
    void batch_ended(std::size_t, BatchRun const&) override {}
    void late(std::size_t, std::vector<StepRequest> queued, std::vector<StepRequest> const& begun) override {
        said.push_back("late, has begun" + names(begun) + ", gives back" + names(queued));
    }
    void overdue(std::size_t, std::vector<StepRequest> const& begun) override {
        said.push_back("overdue, has begun" + names(begun));
    }
    [[nodiscard]] bool more_to_come(std::size_t) const override { return more; }
    void recovered(std::size_t) override { said.emplace_back("recovered"); }
    static std::string names(std::vector<StepRequest> const& requests) {
        std::string out;
        for (auto const& request : requests) out += " " + request.step.ref.str();
        return out;
    }

    void step(Ref const& ref, Verb verb = Verb::create) {
        StepRequest request;
        request.step = {verb, ref, {"account", "acme"}, {{"name", ref.key}}, {}, {}, {}};
        pool.apply(std::move(request));
    }
    void observe(ObservationId id, Scopes scopes) { pool.observe(id, 0, std::move(scopes)); }
    // The call under way is executed and answered.
    Said end() {
        calls.end(0);
        pool.completed(0);
        return heard();
    }
    Said pass(std::chrono::milliseconds time) {
        clock.advance(time);
        pool.advance();
        return heard();
    }
    // A driver that cannot observe is asked once.
    Said fail() {
        driver.broken["thing"] = "is down";
        observe(1, {{"thing", {}}});
        pool.pump();
        return end();
    }
    Said heard() { return std::exchange(said, {}); }

    simulation::SimulatedClock clock;
    ListLog log;
    MemoryWorld world;
    TestJournal journal;
    TestDriver driver{"a", {{&schema_of<Owner>(), {}}, {&schema_of<Thing>(), {}}}, world};
    TestDriver other{"b", {{&schema_of<Pass>(), {}}}, world};
    HeldCalls calls{{&driver, &other}};
    std::vector<std::size_t> completed;
    Timeouts timeouts;
    DriverPool pool{calls, journal, clock, log, timeouts, [this](std::size_t n) { completed.push_back(n); }};
    Said said;
    bool more = false;
};

Ref const acme{"owner", "acme"}, x{"thing", "x"}, y{"thing", "y"}, z{"thing", "z"};
Scopes const things{{"thing", {}}};

}  // namespace

TEST_CASE(
    "observations and steps that wait for one driver are taken in turns, all that wait of the one kind together") {
    Bench bench;
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
    Bench bench;
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
    Bench bench;
    bench.step(y);
    bench.step(x, Verb::remove);
    bench.step({"thing", "w"}, Verb::remove);
    bench.step(acme);
    bench.pool.pump();
    CHECK(bench.end() ==
          Said{"done create owner/acme", "done remove thing/x", "done remove thing/w", "done create thing/y"});
}

TEST_CASE("nothing is done that could not be written down first") {
    Bench bench;
    bench.journal.full = true;
    bench.step(x);
    bench.pool.pump();
    CHECK(bench.end() == Said{"retry create thing/x: no space left on device"});
    CHECK(bench.world.records.empty());
}

TEST_CASE("a driver that is late gives back what it has not begun, and holds up no other") {
    Bench bench;
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
    Bench bench;
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
    Bench bench;
    bench.world.records[x] = {{"name", "x"}};
    bench.observe(1, things);
    bench.pool.pump();
    CHECK(bench.pass(1s) == Said{"late, has begun, gives back"});
    CHECK(bench.end() == Said{"observed 1: thing/x", "recovered"});
}

TEST_CASE("between two batches of a costly driver is its least interval; observations do not wait for it") {
    Bench bench;
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
    Bench bench;
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
    Bench bench;
    bench.more = true;
    bench.step(x);
    bench.pool.pump();
    CHECK(bench.calls.busy(0));
}

TEST_CASE("the pauses of a driver that cannot observe double up to the longest, and one success ends them") {
    Bench bench;
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
    Bench bench;
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
    SECTION("whoever asks when it is tried is answered from the same observation") {
        bench.driver.broken.clear();
        bench.pass(2s);
        bench.observe(3, things);
        CHECK(bench.end() == Said{"recovered"});
        CHECK(bench.end() == Said{"observed 3: thing/x"});
    }
}

TEST_CASE("an operator ends the pause of a driver that cannot observe; one that can is left alone") {
    Bench bench;
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
