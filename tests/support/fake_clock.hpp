// A wall clock that stands still until it is moved, and a log that keeps its lines.
#pragma once
#include "drivers/context.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace genesis::test {

// Timers stay real: only what is stored and shown follows the test.
struct FakeClock final : Clock {
    [[nodiscard]] Time now() const override {
        std::lock_guard lock(mutex);
        return time;
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
    void advance(std::chrono::milliseconds by) {
        std::lock_guard lock(mutex);
        time += by;
    }
    mutable std::mutex mutex;
    Time time{std::chrono::milliseconds(1800000000000)};  // 2027-01-15
};

struct ListLog final : Log {
    void write(Level, std::string_view message, Fields fields) override {
        if (on_line) on_line();
        std::lock_guard lock(mutex);
        std::string line(message);
        for (auto const& [name, value] : fields) line += " " + std::string(name) + "=" + std::string(value);
        lines.push_back(std::move(line));
    }
    std::mutex mutex;
    std::vector<std::string> lines;
    std::function<void()> on_line;  // called for each line, before it is kept
};

}  // namespace genesis::test
