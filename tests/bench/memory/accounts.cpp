// N standard accounts on a machine in memory: the real store, planner, executor and reconciler, and drivers that only
// remember. What it measures is the engine alone.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace genesis::test {
namespace {

using SteadyClock = std::chrono::steady_clock;

void say(std::string const& what, double value) {
    std::printf("%s %.4f\n", what.c_str(), value);
    (void)std::fflush(stdout);
}

double cpu_seconds() {
    timespec spent{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

// How long it took, and what it computed on all threads, which a busy machine does not lengthen much.
template <class Work>
void timed(std::string const& what, Work const& work) {
    auto const start = SteadyClock::now();
    auto const cpu = cpu_seconds();
    work();
    say(what + "_seconds", std::chrono::duration<double>(SteadyClock::now() - start).count());
    say(what + "_cpu_seconds", cpu_seconds() - cpu);
}

std::string account(std::size_t number, int children = 5) {
    auto const name = "bench" + std::to_string(number);
    return "kind: account\nname: " + name + "\nsites: [{domain: " + name +
           ".example, php: {version: \"8.2\", max_children: " + std::to_string(children) +
           "}}]\ndatabases: [{name: shop, users: [{name: web, password: password-of-" + name + "}]}]\n";
}

// As many callers do it at once, so that the store groups its commits; none is acknowledged before it is durable.
void store_all(Bed& bed, std::size_t count) {
    std::atomic<std::size_t> next{1}, refused{0};
    auto const work = [&] {
        for (std::size_t i = 0; (i = next++) <= count;) {
            auto const documents = parse_yaml(account(i));
            auto const spec = read_spec(documents->front().value);
            if (!spec || !admit({*bed.store, bed.reserved}, *spec, {})) ++refused;
        }
    };
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 64; ++i) callers.emplace_back(work);
    }
    REQUIRE(refused == 0);
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
    timed("stored", [&] { store_all(bed, count); });
    timed("from_nothing", [&] { bed.converge(); });
    std::size_t ready = 0;
    for (std::size_t i = 1; i <= count; ++i) ready += bed.ready({"account", "bench" + std::to_string(i)}) ? 1 : 0;
    REQUIRE(ready == count);
    say("records", static_cast<double>(bed.world.records.size()));
    for (int i = 0; i < 3; ++i) timed("full_pass", [&] { REQUIRE(bed.pass().steps == 0); });
    for (int i = 0; i < 3; ++i) {
        Ref const changed{"account", "bench" + std::to_string(1 + count / 2)};
        timed("change", [&] {
            bed.put(account(1 + count / 2, 6 + i));
            while (bed.pass(Dirty{changed}).steps != 0) {
            }
        });
        REQUIRE(bed.ready(changed));
    }
    say("rss_mib", resident_mib());
}

}  // namespace genesis::test
