// What every call that touches a machine is given: a deadline, a stop, a clock and a log.
#pragma once
#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace genesis {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;  // what is stored and shown
using Steady = std::chrono::steady_clock::time_point;           // what timers are measured by

std::string iso(Time time);  // ISO 8601 in UTC: 2026-11-23T18:10:00.123Z; empty for the epoch

struct Clock {
    virtual ~Clock() = default;
    [[nodiscard]] virtual Time now() const = 0;
    [[nodiscard]] virtual Steady steady() const = 0;
};

enum class Level { debug, info, warning, error };
struct Log {
    using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    virtual ~Log() = default;
    virtual void write(Level level, std::string_view message, Fields fields = {}) = 0;
};

// The machine did not do what was asked of it: thrown by host and drivers, caught at the batch's edge.
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// The deadline passed or the daemon is stopping.
struct Expired : Fault {
    using Fault::Fault;
};

struct Context {
    std::stop_token stop;
    Steady deadline;
    Clock const& clock;
    Log& log;

    [[nodiscard]] std::chrono::milliseconds left() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock.steady());
    }
    // The same with so much time at most.
    [[nodiscard]] Context within(std::chrono::milliseconds time) const {
        return {stop, std::min(deadline, clock.steady() + time), clock, log};
    }
    [[nodiscard]] bool is_over() const { return stop.stop_requested() || left().count() <= 0; }
    // Throws Expired once there is no time left; call it in every loop that may be long.
    void check() const {
        if (stop.stop_requested()) throw Expired("stopping");
        if (left().count() <= 0) throw Expired("the deadline passed");
    }
};

}  // namespace genesis
