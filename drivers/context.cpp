// How a moment is written.
#include "drivers/context.hpp"

#include <array>
#include <ctime>

namespace genesis {

std::string iso(Time time) {
    if (time == Time{}) return {};
    auto const since = time.time_since_epoch();
    auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
    std::time_t const whole = seconds.count();
    std::tm parts{};
    gmtime_r(&whole, &parts);
    std::array<char, 32> date{};
    (void)std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    auto const thousandths = std::to_string(1000 + (since - seconds).count()).substr(1);
    return std::string(date.data()) + "." + thousandths + "Z";
}

}  // namespace genesis
