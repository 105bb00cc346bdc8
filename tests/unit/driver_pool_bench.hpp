// A driver pool whose calls end when the test says so, and what it reports, a line each.
#pragma once
#include "reconciler/run/driver_pool.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/unit/plan_table.hpp"

#include <catch2/catch.hpp>

namespace genesis::test {

using Said = std::vector<std::string>;
using Scopes = std::map<std::string, Scope>;

// In memory; some of its kinds may be unreachable, and it may be costly.
class BrokenDriver final : public AnyDriver {
public:
    BrokenDriver(std::string name, std::vector<MemoryDriver::Kind> kinds, MemoryWorld& world)
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
struct PoolBench final : DriverEvents {
    PoolBench() {
        clock.set(Time(std::chrono::hours(24)));
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
    [[nodiscard]] bool is_current(StepRequest const& request) const override {
        return !outdated.contains(request.step.ref);
    }
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
    Said end(std::size_t of = 0) {
        calls.end(of);
        pool.completed(of);
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

    std::set<Ref> outdated;  // whose objects have changed
    simulation::SimulatedClock clock;
    ListLog log;
    MemoryWorld world;
    TestJournal journal;
    BrokenDriver driver{"a", {{&schema_of<Owner>(), {}}, {&schema_of<Thing>(), {.holds_data = true}}}, world};
    BrokenDriver other{"b", {{&schema_of<Pass>(), {.slow_updates = 4, .slow_removals = 2}}}, world};
    HeldCalls calls{{&driver, &other}};
    std::vector<std::size_t> completed;
    Timeouts timeouts;
    DriverPool pool{calls, journal, clock, log, timeouts, [this](std::size_t n) { completed.push_back(n); }};
    Said said;
    bool more = false;
};

}  // namespace genesis::test
