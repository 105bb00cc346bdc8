// Which numbers the machine said were free a moment ago, since asking it may take long.
#pragma once
#include "drivers/context.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace genesis {

// Any thread.
class FreeNumbers {
public:
    FreeNumbers(std::function<bool(std::int64_t)> ask, Clock const& clock) : ask_(std::move(ask)), clock_(clock) {}
    // As the machine said within the last few seconds, or says now.
    bool is_free(std::int64_t number);
    // Somebody will want one from `next` on: asks about that again where the answer is not fresh, and about the next
    // one that nobody asked about yet, at most `lead` further on: who was refused in the end took none.
    void expect(std::int64_t next);

private:
    static constexpr std::chrono::seconds good_for{5};          // others give numbers away too
    static constexpr std::chrono::milliseconds fresh_for{100};  // for the very next one
    static constexpr std::int64_t most = 4096, lead = 64;
    bool forget_old(std::int64_t number);
    void remember(std::int64_t number);

    std::function<bool(std::int64_t)> const ask_;
    Clock const& clock_;
    std::mutex mutex_;
    std::map<std::int64_t, Steady> free_;  // number → when it was found to be
    std::int64_t asked_ = 0;               // up to here
};

}  // namespace genesis
