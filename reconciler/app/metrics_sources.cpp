// Objects, records and events as numbers.
#include "reconciler/app/metrics_sources.hpp"

namespace genesis {

void add_metrics_sources(Metrics& metrics, Board const& board, Trail& trail) {
    metrics.add_source([&board, &trail](Gauges& out) {
        auto const tally = board.tally();
        for (auto const& [object, count] : tally.objects)
            out.set("genesis_objects", "Objects that were looked at.", static_cast<double>(count),
                    {{"kind", object.first}, {"ready", object.second ? "true" : "false"}});
        for (auto const& [state, count] : tally.records)
            out.set("genesis_records", "Records of objects.", static_cast<double>(count), {{"state", state}});
        out.set("genesis_events_newest", "The highest number an event has.",
                static_cast<double>(trail.event_range().newest));
    });
}

void add_metrics_sources(Metrics& metrics, RedisCache const* shared) {
    if (shared == nullptr) return;
    metrics.add_source([shared](Gauges& out) {
        out.set("genesis_shared_cache_up", "Whether Redis answered when it was last asked.", shared->up() ? 1 : 0);
    });
}

}  // namespace genesis
