// Which connections are closed when there are too many.
#include "reconciler/api/http/connection_limiter.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace genesis {
namespace {

struct Bench {
    explicit Bench(ConnectionLimiter::Limits limits) : limiter(limits, &metrics) {}
    [[nodiscard]] bool counted(int open) const {
        return metrics.text().find("\ngenesis_http_connections " + std::to_string(open) + "\n") != std::string::npos;
    }
    // The number of the new connection, or -1.
    int come(std::string const& address) {
        auto const number = static_cast<int>(slots.size());
        auto slot = limiter.admit(address, [this, number] { closed.push_back(number); });
        bool const there = slot != nullptr;
        slots.push_back(std::move(slot));
        return there ? number : -1;
    }
    Metrics metrics;
    ConnectionLimiter limiter;
    std::vector<int> closed;
    std::vector<std::unique_ptr<ConnectionLimiter::Slot>> slots;
};

TEST_CASE("the longest idle unauthenticated connection is closed for a new one") {
    Bench b({.total = 3, .per_address = 10});
    for (auto const* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) b.come(address);
    b.slots[0]->set_known();
    CHECK(b.come("192.0.2.4") == 3);
    CHECK(b.closed == std::vector{1});
    CHECK(b.come("192.0.2.5") == 4);
    CHECK(b.closed == std::vector{1, 2});
    CHECK(b.limiter.size() == 3);
    b.slots[1].reset();  // its connection ends later: it no longer counts
    CHECK(b.limiter.size() == 3);
}

TEST_CASE("a busy connection is never closed; when all are busy a new one is refused") {
    Bench b({.total = 2, .per_address = 10});
    b.come("192.0.2.1");
    b.come("192.0.2.2");
    b.slots[0]->set_busy();
    b.slots[1]->set_busy();
    CHECK(b.come("192.0.2.3") == -1);
    b.slots[1]->set_idle();
    CHECK(b.come("192.0.2.3") == 3);
    CHECK(b.closed == std::vector{1});
}

TEST_CASE("an address displaces only its own connections, and an IPv6 /64 is one address") {
    Bench b({.total = 10, .per_address = 2});
    b.come("192.0.2.9");
    for (auto const* address : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"}) CHECK(b.come(address) > 0);
    CHECK(b.closed == std::vector{1, 2});
    CHECK(b.come("2001:db8:0:1::1") > 0);
    CHECK(b.closed.size() == 2);
    CHECK(network_of("192.0.2.1") != network_of("192.0.2.2"));
}

TEST_CASE("metrics count open connections, not refused or closed ones") {
    Bench b({.total = 2, .per_address = 10});
    CHECK(b.counted(0));
    b.come("192.0.2.1");
    b.come("192.0.2.2");
    CHECK(b.counted(2));
    b.come("192.0.2.3");
    CHECK(b.counted(2));
    b.slots[0].reset();  // was closed already
    CHECK(b.counted(2));
    b.slots[1]->set_busy();
    b.slots[2]->set_busy();
    CHECK(b.come("192.0.2.4") == -1);
    CHECK(b.counted(2));
    b.slots.clear();
    CHECK(b.counted(0));
}

TEST_CASE("long bodies share a limit of bytes; a half received one gives way, one that is served does not") {
    Bench b({.total = 10, .per_address = 10, .body_bytes = 100});
    for (int i = 0; i < 3; ++i) b.come("192.0.2.1");
    CHECK(b.slots[0]->hold(60));
    CHECK(b.slots[1]->hold(60));
    CHECK(b.closed == std::vector{0});
    b.slots[1]->set_busy();
    CHECK_FALSE(b.slots[2]->hold(60));
    b.slots[1]->release();
    CHECK(b.slots[2]->hold(100));
    CHECK_FALSE(b.slots[1]->hold(101));
    CHECK_FALSE(b.slots[0]->hold(1));
}

}  // namespace
}  // namespace genesis
