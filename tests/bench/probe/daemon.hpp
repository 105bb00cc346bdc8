// The running genesisd as a measuring client sees it: specs put, readiness waited for, metrics and memory read.
#pragma once
#include <boost/json.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::bench {

namespace json = boost::json;

double now();  // seconds, steady
void pause(double seconds);
// Asks until it is true, first every two milliseconds and later less often; throws std::runtime_error with `what` when
// it is not within the minutes. The seconds it took.
double until(std::string const& what, std::function<bool()> const& holds, double minutes = 15);

struct Memory {
    double rss_mib = 0, pss_mib = 0;
};

class Daemon {
public:
    // Put: its generation. Throws std::runtime_error with the answer where it is refused.
    std::int64_t put(std::string const& target, json::object const& spec) const;
    void post(std::string const& target) const;
    // Ready, and for this generation.
    [[nodiscard]] bool ready(std::string const& target, std::int64_t generation) const;

    // The sum of the samples of a metric whose labels have all of these parts.
    [[nodiscard]] double metric(std::string_view name, std::vector<std::string> const& parts = {}) const;
    [[nodiscard]] double failed_steps() const;  // whatever is not done
    [[nodiscard]] Memory memory() const;        // once the allocator has given back what it can

private:
    [[nodiscard]] std::string metrics() const;
};

}  // namespace genesis::bench
