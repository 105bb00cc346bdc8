// The metrics of the daemon, in the text format of Prometheus.
#pragma once
#include "drivers/context.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

using Seconds = std::chrono::duration<double>;

// Values that are read when the metrics are scraped.
class Gauges {
public:
    using Labels = std::map<std::string, std::string>;
    struct Family {
        std::string help;
        std::vector<std::pair<Labels, double>> values;
    };
    void set(std::string const& name, std::string const& help, double value, Labels labels = {}) {
        auto& family = families_[name];
        family.help = help;
        family.values.emplace_back(std::move(labels), value);
    }
    [[nodiscard]] std::map<std::string, Family> const& families() const { return families_; }

private:
    std::map<std::string, Family> families_;
};

// Thread-safe; counting costs a short look-up under a lock. Label values come from fixed sets (routes, kinds, drivers,
// receivers), never from a caller, so the number of series is bounded.
class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(Metrics const&) = delete;
    Metrics& operator=(Metrics const&) = delete;

    // `route` as the table has it, "/v1/{kind}/{name}"; "none" for route and method if no route matched.
    void request(std::string_view method, std::string_view route, int status, Seconds took);
    void refused(std::string_view code);  // before routing; the code of the problem
    void connections(int change);         // +1 opened, -1 closed
    void cached(bool found);              // a list was requested: found in the cache, or made
    void commit(Seconds took, std::size_t jobs);
    void pass(bool full, Seconds took);
    void step(std::string_view kind, std::string_view verb, std::string_view outcome);
    void driver_commit(std::string_view driver, bool fine);          // config test and reload
    void delivery(std::string_view receiver, bool answered);  // of one event to a webhook
    void skipped(std::string_view receiver, std::int64_t events);

    // Called by each text(), on its thread.
    void add_source(std::function<void(Gauges&)> source);
    // Prometheus text format 0.0.4.
    [[nodiscard]] std::string text() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The content type of text().
inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace genesis
