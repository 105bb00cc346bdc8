// The API over the daemon's socket, its metrics over the probes listener, its memory from /proc.
#include "tests/bench/probe/daemon.hpp"

#include "tests/bench/probe/http.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace genesis::bench {
namespace {

constexpr char const* socket_path = "/run/genesis/genesis.sock";
constexpr unsigned short probes_port = 8444;

std::string pid_of_daemon() {
    for (auto const& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream in(entry.path() / "comm");
        std::string name;
        if (std::getline(in, name) && name == "genesisd") return entry.path().filename();
    }
    throw std::runtime_error("genesisd does not run");
}

Memory read_memory(std::string const& pid) {
    std::ifstream in("/proc/" + pid + "/smaps_rollup");
    Memory out;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string key;
        double kib = 0;
        words >> key >> kib;
        if (key == "Rss:") out.rss_mib = kib / 1024;
        if (key == "Pss:") out.pss_mib = kib / 1024;
    }
    return out;
}

}  // namespace

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

double until(std::string const& what, std::function<bool()> const& holds, double minutes) {
    auto const start = now();
    while (!holds()) {
        auto const spent = now() - start;
        if (spent > 60 * minutes)
            throw std::runtime_error("after " + std::to_string(minutes) + " min not yet: " + what);
        pause(std::clamp(spent / 50, 0.002, 0.05));
    }
    return now() - start;
}

std::int64_t Daemon::put(std::string const& target, json::object const& spec) const {
    auto const reply = ask_socket(socket_path, "PUT", "/v1/" + target, json::serialize(spec));
    if (reply.status / 100 != 2) throw std::runtime_error("PUT " + target + ": " + reply.body);
    return json::parse(reply.body).at("generation").to_number<std::int64_t>();
}

void Daemon::post(std::string const& target) const {
    auto const reply = ask_socket(socket_path, "POST", "/v1/" + target);
    if (reply.status / 100 != 2) throw std::runtime_error("POST " + target + ": " + reply.body);
}

bool Daemon::ready(std::string const& target, std::int64_t generation) const {
    auto const reply = ask_socket(socket_path, "GET", "/v1/" + target);
    if (reply.status != 200) return false;
    auto const envelope = json::parse(reply.body);
    auto const* conditions = envelope.as_object().at("status").as_object().if_contains("conditions");
    if (conditions == nullptr) return false;
    return std::any_of(conditions->as_array().begin(), conditions->as_array().end(), [&](json::value const& c) {
        return c.at("type") == "ready" && c.at("status") == "true" &&
               c.at("observed_generation").to_number<std::int64_t>() >= generation;
    });
}

std::string Daemon::metrics() const { return ask_port(probes_port, "/metrics").body; }

double Daemon::metric(std::string_view name, std::vector<std::string> const& parts) const {
    std::istringstream lines(metrics());
    double sum = 0;
    for (std::string line; std::getline(lines, line);) {
        auto const value = line.rfind(' ');
        auto const whole = std::string_view(line).substr(0, value == std::string::npos ? 0 : value);
        if (whole.substr(0, whole.find('{')) != name) continue;
        if (std::all_of(parts.begin(), parts.end(), [&](auto const& p) { return whole.find(p) != whole.npos; }))
            sum += std::stod(line.substr(value + 1));
    }
    return sum;
}

double Daemon::failed_steps() const {
    return metric("genesis_steps_total") - metric("genesis_steps_total", {R"(outcome="done")"}) -
           metric("genesis_steps_total", {R"(outcome="in_progress")"});
}

// jemalloc gives back in the course of ten seconds; settled is what is not a hundredth less three seconds later.
Memory Daemon::memory() const {
    auto const pid = pid_of_daemon();
    auto out = read_memory(pid);
    for (int i = 0; i < 10; ++i) {
        pause(3);
        auto const later = read_memory(pid);
        bool const settled = i > 3 && later.rss_mib > 0.99 * out.rss_mib;
        out = later;
        if (settled) break;
    }
    return out;
}

}  // namespace genesis::bench
