// Seeded histories of the engine over memory drivers: each must keep the laws and end converged; planted bugs are
// found.
#include "drivers/host/exec.hpp"
#include "tests/simulation/history.hpp"
#include "tests/support/fake_clock.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

using namespace genesis;
using namespace genesis::simulation;

namespace {

// What a test run has time for; GENESIS_HISTORIES=10000 plays more.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t histories = 100;
#else
constexpr std::uint64_t histories = 2000;
#endif

std::optional<std::uint64_t> number_in(char const* name) {
    auto const* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("whatever fails, hangs, answers late or restarts, each history keeps the laws and ends converged",
          "[simulation]") {
    Stage stage;
    auto const seed = number_in("GENESIS_SEED");
    auto const first = seed.value_or(1);
    auto const last = seed ? *seed : number_in("GENESIS_HISTORIES").value_or(histories);
    std::size_t steps = 0, restarts = 0;
    for (auto n = first; n <= last; ++n) {
        auto const played = play(stage, n);
        steps += played.steps;
        restarts += played.restarts;
        if (played.law.empty()) continue;
        for (auto const& event : play(stage, n, true).events) UNSCOPED_INFO(event);
        FAIL("history " << n << " (GENESIS_SEED=" << n << " plays it alone): " << played.law);
    }
    if (seed) return;
    CHECK(steps > last * 10);
    CHECK(restarts > last / 2);
}

TEST_CASE("each planted bug is found by the histories", "[simulation]") {
    auto const here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    auto const [bug, within] = GENERATE(table<std::string, int>({{"old_observation", 1000},
                                                                 {"dropped_wake", 100},
                                                                 {"not_released", 20},
                                                                 {"progress_is_failure", 20},
                                                                 {"allocation_apart", 100},
                                                                 {"taken_twice", 100},
                                                                 {"node_asleep", 100}}));
    test::FakeClock const clock;
    test::ListLog log;
    Context const context{{}, clock.steady() + std::chrono::minutes(5), clock, log};
    auto const ran = host::run({.argv = {(here / ("planted_" + bug)).string(), std::to_string(within)}}, context);
    INFO(bug << ": " << ran.out << ran.err);
    CHECK(ran.code == 1);
    CHECK(ran.out.find("history ") != std::string::npos);
}

TEST_CASE("a history is the same each time it is played", "[simulation]") {
    Stage stage;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        auto const once = play(stage, seed, true), again = play(stage, seed, true);
        CHECK(once.events == again.events);
        CHECK(once.steps == again.steps);
    }
}
