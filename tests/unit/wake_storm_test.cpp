// Ten thousand wakes within a second: how many passes they become, and that nothing is lost among them.
#include "reconciler/run/loop.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>
#include <thread>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

constexpr int objects = 200, wakes = 10000;
constexpr auto storm = 1000ms;

Ref account(int i) { return {"account", "acc" + std::to_string(i % objects)}; }

void put_all(Bed& bed) {
    for (int i = 0; i < objects; ++i)
        bed.put("kind: account\nname: " + account(i).key + "\nsites:\n  - domain: d" + std::to_string(i) +
                ".example\n    php: none\n    tls: {mode: none}\n");
}

// Something is changed by hand on the machine.
void drift(MemoryWorld& world, int i) {
    std::lock_guard const lock(world.mutex);
    auto const site = world.records.find({"site", "d" + std::to_string(i % objects) + ".example"});
    if (site != world.records.end()) site->second["live"] = false;
}

// Every call of a driver takes so long, on a clock that stands still until it is moved.
class TimedCalls final : public Workers {
public:
    TimedCalls(std::vector<AnyDriver*> drivers, Clock const& clock, std::chrono::milliseconds took)
        : drivers_(std::move(drivers)), calls_(drivers_.size()), clock_(clock), took_(took) {}
    [[nodiscard]] std::vector<AnyDriver*> const& drivers() const override { return drivers_; }
    void run(std::size_t driver, Job job, std::function<void()> ended) override {
        job(*drivers_[driver]);
        calls_[driver] = {clock_.steady() + took_, std::move(ended)};
    }
    void end_due() {
        for (auto& [due, ended] : calls_)
            if (ended && clock_.steady() >= due) std::exchange(ended, nullptr)();
    }

private:
    struct Call {
        Steady due{};
        std::function<void()> ended;
    };
    std::vector<AnyDriver*> drivers_;
    std::vector<Call> calls_;
    Clock const& clock_;
    std::chrono::milliseconds took_;
};

class Storm : public Bed {
public:
    explicit Storm(std::chrono::milliseconds took, std::size_t most_passes = ReconcilerSettings().most_passes) {
        std::vector<AnyDriver*> all;
        for (auto const& driver : drivers) all.push_back(driver.get());
        timer.set(clock.now());
        reconciler.reset();
        auto calls = std::make_unique<TimedCalls>(all, timer, took);
        calls_ = calls.get();
        workers = std::move(calls);
        settings.most_passes = most_passes;
        reconciler = std::make_unique<Reconciler>(*store, *store, *workers, *cache, timer, log, settings,
                                                  [this](std::size_t driver) { completed_.push_back(driver); });
        reconciler->on_pass([this](PassResult const&) { ++ended_; });
        rest();  // the first full pass
    }
    void tick() {
        timer.advance(1ms);
        do {
            for (auto const driver : std::exchange(completed_, {})) reconciler->completed(driver);
            reconciler->advance();
            calls_->end_due();
        } while (!completed_.empty());
        side_by_side = std::max(side_by_side, reconciler->passes() - ended_);
    }
    // Nothing is under way any more, and nothing is due.
    void rest() {
        int most = 100000;
        do tick();
        while (--most > 0 && (reconciler->busy() || !reconciler->pending().empty()));
        REQUIRE(most > 0);
    }
    simulation::SimulatedClock timer;
    std::size_t side_by_side = 0;

private:
    TimedCalls* calls_ = nullptr;
    std::vector<std::size_t> completed_;
    std::size_t ended_ = 0;
};

std::size_t count_of(std::chrono::milliseconds time, std::chrono::milliseconds each) {
    return static_cast<std::size_t>(time / each);
}

// What is on the machine, whatever anybody says of it.
int live_sites(MemoryWorld& world) {
    std::lock_guard const lock(world.mutex);
    return static_cast<int>(std::count_if(world.records.begin(), world.records.end(), [](auto const& entry) {
        return entry.first.kind == "site" && entry.second.at("live") == true;
    }));
}

int stored_as_ready(Bed& bed) {
    int out = 0;
    for (auto const& object : bed.store->objects("account"))
        out += is_true(object.conditions, ConditionType::ready) ? 1 : 0;
    return out;
}

// All of them, full or not.
std::size_t passes_of(Metrics const& metrics) {
    std::size_t out = 0;
    std::istringstream lines(metrics.text());
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("genesis_pass_seconds_count")) out += std::stoul(line.substr(line.rfind(' ') + 1));
    return out;
}

bool eventually(std::function<bool()> const& holds) {
    auto const until = std::chrono::steady_clock::now() + 60s;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

}  // namespace

TEST_CASE("however often everything is asked for, it is looked at once a second") {
    Storm s(5ms);
    auto const before = s.reconciler->passes();
    for (auto passed = 0ms; passed < 3 * storm; passed += 1ms) {
        s.reconciler->wake_all(false);
        s.tick();
    }
    s.rest();
    auto const passes = s.reconciler->passes() - before;
    CHECK(passes >= 3);
    CHECK(passes <= 5);
}

TEST_CASE("of wakes that come without a break there is one pass for each time that they may be kept waiting") {
    auto const took = GENERATE(0ms, 20ms, 400ms);
    Storm bed(took);
    put_all(bed);
    auto const before = bed.reconciler->passes();
    for (int i = 0; i < wakes; ++i) {
        if (i % 50 == 0) drift(bed.world, i * 7);
        bed.reconciler->wake(account(i * 7), i % 2 == 0);
        if ((i + 1) % (wakes / storm.count()) == 0) bed.tick();
    }
    auto const during = bed.reconciler->passes() - before;
    auto const most = count_of(storm, bed.settings.quiet_longest);
    CHECK(during <= most);
    if (took == 0ms) CHECK(during == most);  // passes under way let others wait longer
    bed.rest();
    // What was under way and what came last: done, and seen to be done.
    CHECK(bed.reconciler->passes() - before <= during + 4);
    CHECK(live_sites(bed.world) == objects);
    CHECK(stored_as_ready(bed) == objects);
}

TEST_CASE("of wakes that come in bursts there is at most one pass a burst, and no more side by side than allowed") {
    auto const took = GENERATE(20ms, 400ms);
    std::size_t const most_passes = GENERATE(1, 8);
    Storm bed(took, most_passes);
    put_all(bed);
    bed.reconciler->wake_all(false);
    bed.rest();
    constexpr int bursts = 20, of_objects = 50, apart = objects / bursts;
    REQUIRE(storm / bursts > bed.settings.quiet);
    auto const before = bed.reconciler->passes();
    for (int burst = 0; burst < bursts; ++burst) {
        for (int i = 0; i < wakes / bursts; ++i) {
            auto const which = burst * apart + i % of_objects;
            if (i < apart) drift(bed.world, which);  // when it is woken for the last time, and may be in flight
            bed.reconciler->wake(account(which), true);
        }
        for (auto left = storm / bursts; left > 0ms; left -= 1ms) bed.tick();
    }
    CHECK(bed.reconciler->passes() - before <= bursts);
    bed.rest();
    CHECK(bed.reconciler->passes() - before <= count_of(storm, bed.settings.quiet));
    CHECK(bed.side_by_side <= most_passes);
    CHECK(live_sites(bed.world) == objects);
    CHECK(stored_as_ready(bed) == objects);
}

TEST_CASE("wakes from many threads become few passes of the loop, and each object is as wanted in the end") {
    Bed bed;
    put_all(bed);
    bed.reconciler.reset();  // the loop brings its own
    bed.workers.reset();
    std::vector<AnyDriver*> drivers;
    for (auto const& driver : bed.drivers) drivers.push_back(driver.get());
    Metrics metrics;
    ReconcilerSettings settings;
    settings.metrics = &metrics;
    Loop loop(*bed.store, *bed.store, drivers, bed.clock, bed.log, settings);
    auto const began = std::chrono::steady_clock::now();
    loop.start();
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&, thread] {
                for (int i = thread; i < wakes; i += 4) {
                    if (i % 50 < 4) drift(bed.world, i * 7);
                    loop.wake(account(i * 7), i % 2 == 0);
                    std::this_thread::sleep_until(began + i * storm / wakes);
                }
            });
    }
    CHECK(eventually([&] {
        bed.clock.advance(1s);  // what was changed by hand again and again is a failure, and has its pause
        return live_sites(bed.world) == objects && stored_as_ready(bed) == objects;
    }));
    auto const time = std::chrono::steady_clock::now() - began;
    loop.stop();
    CHECK(passes_of(metrics) > 1);
    // The full one at the start; no other begins earlier than `quiet` after the last wake or `quiet_longest` after the
    // first.
    CHECK(passes_of(metrics) <= 1 + count_of(std::chrono::ceil<std::chrono::milliseconds>(time), settings.quiet));
}
