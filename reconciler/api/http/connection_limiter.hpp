// Limits the connections of a listener, and decides which one is closed to make room for another.
#pragma once
#include "reconciler/telemetry/metrics.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

namespace genesis {

// A new connection is refused only if no other is idle, that is, waiting for its peer. Otherwise an idle one is closed:
// first those that were never authenticated, then the one that has been idle longest. A thousand slow clients thus
// displace each other, and a client that sends its request at once is served. Thread-safe; outlives its slots.
class ConnectionLimiter {
public:
    struct Limits {
        std::size_t total = 1024, per_address = 256;
        std::size_t body_bytes = 64U << 20U;  // of long request bodies being received or handled
    };

    class Slot {
    public:
        ~Slot();
        Slot(Slot const&) = delete;
        Slot& operator=(Slot const&) = delete;
        void set_idle();                     // waits for its peer: may be closed to make room
        void set_busy() { since_ = 0; }      // may not be closed
        void set_known() { known_ = true; }  // one of its requests was authenticated
        [[nodiscard]] bool idle() const { return since_ != 0; }
        [[nodiscard]] bool known() const { return known_; }
        // Reserves memory for a body; may close idle connections with a half received one. False if there is none.
        bool hold(std::size_t bytes);
        void release();

    private:
        friend ConnectionLimiter;
        Slot(ConnectionLimiter& limiter, std::string address, std::function<void()> close);
        ConnectionLimiter& limiter_;
        std::string const address_;
        std::function<void()> const close_;
        std::atomic<std::int64_t> since_ = 0;  // idle since, steady nanoseconds; 0: busy
        std::atomic<bool> known_ = false;
        std::atomic<std::size_t> held_ = 0;
        bool released_ = false;  // under the limiter's lock
    };

    // `metrics`: optional; counts the connections; outlives the limiter.
    explicit ConnectionLimiter(Limits limits, Metrics* metrics = nullptr) : limits_(limits), metrics_(metrics) {}
    // Null when there is no room. `close` is called at most once, from any thread, under a lock: it must only arrange
    // that the connection closes soon if it is idle() then. `address`: the peer's; an IPv6 /64 counts as one address.
    std::unique_ptr<Slot> admit(std::string const& address, std::function<void()> close);
    [[nodiscard]] std::size_t size() const;

private:
    template <class Which>
    bool evict(Which which);
    void release_slot(Slot& slot);
    void count(int change) const;
    Limits const limits_;
    Metrics* const metrics_;
    std::mutex mutable mutex_;
    std::unordered_set<Slot*> slots_;
    std::map<std::string, std::size_t> by_address_;
    std::size_t held_ = 0;
};

// "2001:db8:1:2" for every address of that /64, an IPv4 address as it is.
std::string network_of(std::string const& address);

}  // namespace genesis
