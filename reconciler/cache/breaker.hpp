// A circuit breaker: after a failure no call waits for the server until a background thread has reached it again.
#pragma once
#include "drivers/context.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace genesis {

// Open at first.
class Breaker {
public:
    using Pause = std::chrono::milliseconds;
    Breaker(Pause first, Pause longest) : first_(first), longest_(longest) {}

    // From any thread. The pass that a call needs; 0 while the circuit is open.
    [[nodiscard]] std::uint64_t pass() const { return pass_; }
    // From any thread. A call with this pass failed: the circuit opens at once. A pass from before it was last closed
    // has no effect.
    void trip(std::uint64_t pass) { pass_.compare_exchange_strong(pass, 0); }

    // From the background thread: the server was reached.
    void close(Steady now) {
        closed_at_ = now;
        pass_ = ++passes_;
    }
    // From the background thread: it failed or could not be reached. Opens the circuit and returns the pause before the
    // next attempt, doubled each time up to `longest`; a circuit that stayed closed that long starts over.
    Pause open(Steady now) {
        bool const held = pause_ == Pause{} || (closed_at_ != Steady{} && now - closed_at_ >= longest_);
        pause_ = held ? first_ : std::min(2 * pause_, longest_);
        pass_ = 0;
        closed_at_ = {};
        return pause_;
    }

private:
    Pause const first_, longest_;
    std::atomic<std::uint64_t> pass_ = 0;
    std::uint64_t passes_ = 0;
    Steady closed_at_{};
    Pause pause_{};
};

}  // namespace genesis
