// N standard accounts on a machine in memory: the real store, planner, executor and reconciler, and drivers that only
// remember. What it measures is the engine alone.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace genesis::test {
namespace {

using SteadyClock = std::chrono::steady_clock;

template <class Work>
double timed(Work const& work) {
    auto const start = SteadyClock::now();
    work();
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void say(char const* what, double value) {
    std::printf("%s %.4f\n", what, value);
    (void)std::fflush(stdout);
}

std::string account(std::size_t number, int children = 5) {
    auto const name = "bench" + std::to_string(number);
    return "kind: account\nname: " + name + "\nsites: [{domain: " + name +
           ".example, php: {version: \"8.2\", max_children: " + std::to_string(children) +
           "}}]\ndatabases: [{name: shop, users: [{name: web, password: password-of-" + name + "}]}]\n";
}

double resident_mib() {
    long total = 0, resident = 0;
    auto* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr || std::fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
    if (file != nullptr) (void)std::fclose(file);
    return static_cast<double>(resident) * 4096 / (1024 * 1024);
}

}  // namespace

TEST_CASE("so many accounts in memory") {
    auto const* const asked = std::getenv("GENESIS_BENCH_COUNT");
    std::size_t const count = asked == nullptr ? 10000 : std::stoul(asked);
    Bed bed;
    auto const stored = timed([&] {
        for (std::size_t i = 1; i <= count; ++i) bed.put(account(i));
    });
    say("stored_seconds", stored);  // one put after the other, each durable before the next
    say("from_nothing_seconds", timed([&] { bed.settle(); }));
    std::size_t ready = 0;
    for (std::size_t i = 1; i <= count; ++i) ready += bed.ready({"account", "bench" + std::to_string(i)}) ? 1 : 0;
    REQUIRE(ready == count);
    say("records", static_cast<double>(bed.world.records.size()));
    for (int i = 0; i < 3; ++i) say("full_pass_seconds", timed([&] { REQUIRE(bed.pass().steps == 0); }));
    for (int i = 0; i < 3; ++i) {
        Ref const changed{"account", "bench" + std::to_string(1 + count / 2)};
        say("change_seconds", timed([&] {
                bed.put(account(1 + count / 2, 6 + i));
                while (bed.reconciler->pass(Dirty{changed}, {}).steps != 0) {
                }
            }));
        REQUIRE(bed.ready(changed));
    }
    say("rss_mib", resident_mib());
}

}  // namespace genesis::test
