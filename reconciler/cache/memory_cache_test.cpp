// The memory cache and the circuit breaker on a fake clock.
#include "reconciler/cache/memory_cache.hpp"
#include "reconciler/cache/breaker.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

using namespace std::chrono_literals;

struct HandClock final : Clock {
    [[nodiscard]] Time now() const override { return Time(1800000000000ms) + passed; }
    [[nodiscard]] Steady steady() const override { return Steady(1h) + passed; }
    std::chrono::milliseconds passed{0};
};

TEST_CASE("a cached value is there until it expires") {
    HandClock clock;
    MemoryCache cache(100000, clock);
    CHECK(!cache.get("a"));
    cache.set("a", "1", 1s);
    CHECK(cache.get("a") == "1");
    cache.set("a", "2", 1s);
    clock.passed = 999ms;
    CHECK(cache.get("a") == "2");
    clock.passed = 1s;
    CHECK(!cache.get("a"));
    CHECK(cache.bytes() == 0);
}

TEST_CASE("a full cache evicts the least recently used and never exceeds its limit") {
    HandClock clock;
    MemoryCache cache(10000, clock);
    cache.set("kept", std::string(1000, 'x'), 1h);
    for (int i = 0; i < 1000; ++i) {
        cache.set("k" + std::to_string(i), std::string(1000, 'x'), 1h);
        REQUIRE(cache.get("kept"));
        REQUIRE(cache.bytes() <= 10000);
    }
    CHECK(!cache.get("k0"));
    CHECK(cache.get("k999"));
    cache.set("k999", std::string(9000, 'x'), 1h);  // too big: not cached, and the former value is removed
    CHECK(!cache.get("k999"));
}

TEST_CASE("an open circuit passes no call, and a late failure does not open the next one") {
    Breaker breaker(100ms, 5000ms);
    Steady now(1h);
    CHECK(breaker.pass() == 0);
    breaker.close(now);
    auto const first = breaker.pass();
    CHECK(first != 0);
    breaker.trip(first);
    CHECK(breaker.pass() == 0);
    CHECK(breaker.open(now) == 100ms);
    breaker.close(now);
    auto const second = breaker.pass();
    breaker.trip(first);
    CHECK(breaker.pass() == second);
}

TEST_CASE("the pauses of a circuit double, and start over only after it stayed closed for the longest") {
    Breaker breaker(100ms, 500ms);
    Steady now(1h);
    CHECK(breaker.open(now) == 100ms);
    CHECK(breaker.open(now) == 200ms);
    breaker.close(now);
    now += 499ms;
    CHECK(breaker.open(now) == 400ms);
    CHECK(breaker.open(now) == 500ms);
    breaker.close(now);
    now += 500ms;
    CHECK(breaker.open(now) == 100ms);
}

}  // namespace
}  // namespace genesis
