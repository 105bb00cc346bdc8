// Seeded histories of the engine over memory drivers: each must keep the laws and end converged.
#include "tests/simulation/history.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace genesis::simulation;

namespace {

std::optional<std::uint64_t> number_in(char const* name) {
    auto const* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("whatever fails, hangs, answers late or restarts, each history keeps the laws and ends converged",
          "[simulation]") {
    Stage stage;
    if (auto const seed = number_in("GENESIS_SEED")) {
        auto const played = play(stage, *seed, true);
        for (auto const& event : played.events) UNSCOPED_INFO(event);
        CHECK(played.law == "");
        return;
    }
    std::size_t steps = 0, restarts = 0;
    std::uint64_t const count = number_in("GENESIS_HISTORIES").value_or(10000);
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        auto played = play(stage, seed);
        steps += played.steps;
        restarts += played.restarts;
        if (played.law.empty()) continue;
        for (auto const& event : play(stage, seed, true).events) UNSCOPED_INFO(event);
        FAIL("history " << seed << " (GENESIS_SEED=" << seed << " plays it again): " << played.law);
    }
    CHECK(steps > count * 10);
    CHECK(restarts > count / 4);
}
