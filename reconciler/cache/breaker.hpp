// A circuit breaker: after a failure nobody waits for the other side until somebody in the background has reached it.
#pragma once
#include "drivers/context.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace genesis {

// Open when it is made.
class Breaker {
public:
    using Pause = std::chrono::milliseconds;
    Breaker(Pause first, Pause longest) : first_(first), longest_(longest) {}

    // From any thread. What a call goes through with; 0 while the circuit is open.
    [[nodiscard]] std::uint64_t pass() const { return pass_; }
    // From any thread. A call that went through with `pass` failed: the circuit opens at once. Whoever went through
    // before it was last closed changes nothing.
    void trip(std::uint64_t pass) { pass_.compare_exchange_strong(pass, 0); }

    // From the one thread that reaches for the other side. It has been reached.
    void close(Steady now) {
        closed_at_ = now;
        pass_ = ++passes_;
    }
    // It failed, or could not be reached: opens the circuit and says how long to leave it alone. Twice as long each
    // time, up to `longest`; only a circuit that stayed closed for that long starts over.
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
