// Plays histories until one breaks a law, and says which: for an engine with a bug planted in it.
#include "tests/simulation/history.hpp"

#include <cstdlib>
#include <iostream>

// HISTORIES [FIRST [MOST]]: ends when MOST of them (1) have broken a law. Exit code 1 when a law was broken; with one
// history its events are shown.
int main(int argc, char** argv) {
    using namespace genesis::simulation;
    std::uint64_t const count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000;
    std::uint64_t const first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    std::uint64_t const most = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    std::uint64_t broken = 0;
    Stage stage;
    std::size_t steps = 0, restarts = 0, passes = 0;
    for (auto seed = first; seed < first + count && broken < most; ++seed) {
        auto const played = play(stage, seed, count == 1);
        steps += played.steps;
        restarts += played.restarts;
        passes += played.passes;
        for (auto const& event : played.events) std::cout << event << "\n";
        if (played.law.empty()) continue;
        std::cout << "history " << seed << ": " << played.law << "\n";
        ++broken;
    }
    std::cout << count << " histories, " << steps << " steps, " << passes << " passes, " << restarts << " restarts\n";
    return broken > 0 ? 1 : 0;
}
