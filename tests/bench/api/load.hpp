// Keep-alive connections that each send their next request once the last one is answered, and how long that took.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace genesis::bench {

struct Target {
    std::string socket{};  // of a unix socket; empty: TCP on the loopback
    unsigned short port = 0;
    bool tls = false;    // whatever certificate the server shows
    char answers = '2';  // first digit of the statuses that are measured; others are reported
};

struct Figures {
    std::vector<std::uint32_t> microseconds;  // one an answer of the status that was expected, sorted
    std::uint64_t refused = 0;                // other answers
    std::string first_refusal{};
    double seconds = 0;
    double client_cpu = 0;  // seconds that this process computed meanwhile
    double server_cpu = 0;  // and the one that answered

    [[nodiscard]] double rate() const { return static_cast<double>(microseconds.size()) / seconds; }
    [[nodiscard]] double milliseconds(double quantile) const;
    void add(Figures const& other);
};

// Writes the next request, whole, into the string (whose capacity is used again).
using Next = std::function<void(std::string&)>;

// All connections are open before the clock starts. Throws std::runtime_error when one cannot be opened or breaks.
Figures run_load(Target const& target, std::size_t connections, double seconds, Next const& next);
// One request and its answer, head and body. Throws like run_load().
std::string ask(Target const& target, std::string const& request);

}  // namespace genesis::bench
