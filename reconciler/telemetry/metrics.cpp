// Metrics kept and written by prometheus-cpp; each counter is resolved once and then found by its labels.
#include "reconciler/telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>

namespace genesis {
namespace {

using prometheus::Histogram;
using prometheus::Registry;

// The counters of one family by the values of its labels.
template <std::size_t N>
class Counters {
public:
    Counters(Registry& registry, std::string const& name, std::string const& help, std::array<char const*, N> labels)
        : family_(prometheus::BuildCounter().Name(name).Help(help).Register(registry)), labels_(labels) {}
    void add(std::array<std::string_view, N> const& values, double by = 1) { of(values).Increment(by); }

private:
    struct Less {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(A const& a, B const& b) const {
            return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
        }
    };
    prometheus::Counter& of(std::array<std::string_view, N> const& values) {
        std::lock_guard const lock(mutex_);
        if (auto const known = known_.find(values); known != known_.end()) return *known->second;
        std::array<std::string, N> key;
        std::map<std::string, std::string> labels;
        for (std::size_t i = 0; i < N; ++i) labels[labels_[i]] = key[i] = std::string(values[i]);
        return *known_.emplace(std::move(key), &family_.Add(labels)).first->second;
    }
    prometheus::Family<prometheus::Counter>& family_;
    std::array<char const*, N> const labels_;
    std::mutex mutex_;
    std::map<std::array<std::string, N>, prometheus::Counter*, Less> known_;
};

std::vector<double> seconds_up_to_ten() {
    return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

Histogram& histogram(Registry& registry, std::string const& name, std::string const& help,
                     std::vector<double> const& bounds, std::map<std::string, std::string> const& labels = {}) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, bounds);
}

// The second number of /proc/self/statm is in pages (proc(5)).
double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double total = 0, resident = 0;
    statm >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
    std::error_code error;
    std::filesystem::directory_iterator const all("/proc/self/fd", error);
    return error ? 0 : static_cast<double>(std::distance(begin(all), end(all)) - 1);  // one is the directory itself
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    auto const seconds = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void add_process(Gauges& out) {
    out.set("process_resident_memory_bytes", "Resident memory.", resident_bytes());
    out.set("process_open_fds", "Open file descriptors.", open_descriptors());
    out.set("process_cpu_seconds_total", "User and system time spent.", cpu_seconds());
}

prometheus::MetricFamily family_of(std::string const& name, Gauges::Family const& family) {
    prometheus::MetricFamily out;
    out.name = name;
    out.help = family.help;
    bool const counter = name.ends_with("_total");
    out.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (auto const& [labels, value] : family.values) {
        prometheus::ClientMetric metric;
        for (auto const& [label, text] : labels) metric.label.push_back({label, text});
        (counter ? metric.counter.value : metric.gauge.value) = value;
        out.metric.push_back(std::move(metric));
    }
    return out;
}

}  // namespace

struct Metrics::Impl {
    Registry registry;
    Counters<3> requests{registry, "genesis_http_requests_total", "Requests answered.", {"method", "route", "status"}};
    Counters<1> refusals{registry, "genesis_auth_refusals_total", "Requests refused before routing.", {"code"}};
    Counters<1> cached{registry, "genesis_cached_lists_total", "Lists found in the cache, or made.", {"outcome"}};
    Counters<3> steps{registry, "genesis_steps_total", "Steps done on the server.", {"kind", "verb", "outcome"}};
    Counters<2> commits{
        registry, "genesis_driver_commits_total", "Config tests and reloads at the end of batches.", {"driver", "outcome"}};
    Counters<2> deliveries{
        registry, "genesis_webhook_deliveries_total", "Attempts to deliver an event.", {"receiver", "outcome"}};
    Counters<1> skipped{
        registry, "genesis_webhook_skipped_total", "Events that were pruned before delivery.", {"receiver"}};
    std::map<std::string, Histogram*, std::less<>> request_seconds;
    Histogram& commit_seconds = histogram(registry, "genesis_store_commit_seconds", "Transactions, until durable.",
                                          {0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5});
    Histogram& commit_jobs = histogram(registry, "genesis_store_commit_jobs", "Writes that shared one transaction.",
                                       {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000});
    Histogram& full_pass = histogram(registry, "genesis_pass_seconds", "Passes: observing, planning and applying.",
                                     seconds_up_to_ten(), {{"scope", "full"}});
    Histogram& small_pass = histogram(registry, "genesis_pass_seconds", "Passes: observing, planning and applying.",
                                      seconds_up_to_ten(), {{"scope", "some"}});
    prometheus::Gauge& connections = prometheus::BuildGauge()
                                         .Name("genesis_http_connections")
                                         .Help("Connections that are open.")
                                         .Register(registry)
                                         .Add({});
    std::mutex mutable mutex;
    std::optional<Steady> full_pass_at;
    std::vector<std::function<void(Gauges&)>> sources;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
    for (auto const* method : {"GET", "PUT", "POST", "DELETE", "none"})
        impl_->request_seconds[method] =
            &histogram(impl_->registry, "genesis_http_request_seconds", "From the complete request to its answer.",
                       seconds_up_to_ten(), {{"method", method}});
}
Metrics::~Metrics() = default;

void Metrics::request(std::string_view method, std::string_view route, int status, Seconds took) {
    auto timed = impl_->request_seconds.find(method);
    if (timed == impl_->request_seconds.end()) timed = impl_->request_seconds.find("none");
    timed->second->Observe(took.count());
    auto const text = std::to_string(status);
    impl_->requests.add({timed->first, route, text});
}

void Metrics::refused(std::string_view code) { impl_->refusals.add({code}); }
void Metrics::connections(int change) { impl_->connections.Increment(change); }

void Metrics::commit(Seconds took, std::size_t jobs) {
    impl_->commit_seconds.Observe(took.count());
    impl_->commit_jobs.Observe(static_cast<double>(jobs));
}

void Metrics::cached(bool found) { impl_->cached.add({found ? "found" : "made"}); }

void Metrics::pass(bool full, Seconds took) {
    (full ? impl_->full_pass : impl_->small_pass).Observe(took.count());
    if (!full) return;
    std::lock_guard const lock(impl_->mutex);
    impl_->full_pass_at = std::chrono::steady_clock::now();
}

void Metrics::step(std::string_view kind, std::string_view verb, std::string_view outcome) {
    impl_->steps.add({kind, verb, outcome});
}
void Metrics::driver_commit(std::string_view driver, bool fine) { impl_->commits.add({driver, fine ? "done" : "failed"}); }
void Metrics::delivery(std::string_view receiver, bool answered) {
    impl_->deliveries.add({receiver, answered ? "answered" : "failed"});
}
void Metrics::skipped(std::string_view receiver, std::int64_t events) {
    impl_->skipped.add({receiver}, static_cast<double>(events));
}

void Metrics::add_source(std::function<void(Gauges&)> source) {
    std::lock_guard const lock(impl_->mutex);
    impl_->sources.push_back(std::move(source));
}

std::string Metrics::text() const {
    Gauges gauges;
    add_process(gauges);
    std::vector<std::function<void(Gauges&)>> sources;
    {
        std::lock_guard const lock(impl_->mutex);
        sources = impl_->sources;
        if (auto const at = impl_->full_pass_at)
            gauges.set("genesis_seconds_since_full_pass", "Since the end of the last full pass.",
                       Seconds(std::chrono::steady_clock::now() - *at).count());
    }
    for (auto const& source : sources) source(gauges);
    auto families = impl_->registry.Collect();
    std::erase_if(families, [](auto const& family) { return family.metric.empty(); });
    for (auto const& [name, family] : gauges.families()) families.push_back(family_of(name, family));
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return out.str();
}

}  // namespace genesis
