// The number of objects and records by state, and the newest event.
#include "reconciler/app/metrics_sources.hpp"

namespace genesis {

void add_metrics_sources(Metrics& metrics, StatusCache const& status, Trail& trail) {
    metrics.add_source([&status, &trail](Gauges& out) {
        auto const tally = status.tally();
        for (auto const& [object, count] : tally.objects)
            out.set("genesis_objects", "Objects by kind and readiness.", static_cast<double>(count),
                    {{"kind", object.first}, {"ready", object.second ? "true" : "false"}});
        for (auto const& [state, count] : tally.records)
            out.set("genesis_records", "Records by state.", static_cast<double>(count),
                    {{"state", std::string(word_of(state))}});
        out.set("genesis_events_newest", "The seq of the newest event.",
                static_cast<double>(trail.event_range().newest));
    });
}

void add_metrics_sources(Metrics& metrics, RedisCache const* shared) {
    if (shared == nullptr) return;
    metrics.add_source([shared](Gauges& out) {
        out.set("genesis_shared_cache_up", "Whether the shared Redis is reachable.", shared->up() ? 1 : 0);
    });
}

}  // namespace genesis
