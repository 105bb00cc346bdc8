// Who is connected, how many may be, and who goes first when somebody else needs the place.
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

// The connections of one listener. A new one is never refused while another only set_idle for its peer: of those the
// one that never proved who it is goes first, then the one that has waited longest. So a thousand slow clients cost
// each other their places, and whoever sends a request at once is served. Thread-safe; outlives its slots.
class ConnectionLimiter {
public:
    struct Limits {
        std::size_t total = 1024, per_address = 256;
        std::size_t body_bytes = 64U << 20U;  // of long bodies that are being received or handled
    };

    class Slot {
    public:
        ~Slot();
        Slot(Slot const&) = delete;
        Slot& operator=(Slot const&) = delete;
        void set_idle();                     // for its peer from now on: may be closed for the sake of others
        void set_busy() { since_ = 0; }      // may not
        void set_known() { known_ = true; }  // a request of its was authenticated
        [[nodiscard]] bool idle() const { return since_ != 0; }
        [[nodiscard]] bool known() const { return known_; }
        // Room for so many bytes, at the cost of others who wait with theirs half sent. False when there is none.
        bool hold(std::size_t bytes);
        void release();

    private:
        friend ConnectionLimiter;
        Slot(ConnectionLimiter& limiter, std::string address, std::function<void()> close);
        ConnectionLimiter& limiter_;
        std::string const address_;
        std::function<void()> const close_;
        std::atomic<std::int64_t> since_ = 0;  // steady nanoseconds; 0: does not wait
        std::atomic<bool> known_ = false;
        std::atomic<std::size_t> held_ = 0;
        bool gone_ = false;  // under the limiter's lock
    };

    // `metrics`: counts who has a place, and outlives the limiter; null: nobody counts.
    explicit ConnectionLimiter(Limits limits, Metrics* metrics = nullptr) : limits_(limits), metrics_(metrics) {}
    // `close` is called at most once, from any thread, under a lock: it must only see to it that the connection closes
    // soon if it is idle() then. Nothing when there is no room even so. `address`: of the peer; an IPv6 network of 64
    // bits counts as one.
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
