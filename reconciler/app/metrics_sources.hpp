// Gauges that are read when the metrics are scraped.
#pragma once
#include "reconciler/cache/redis_cache.hpp"
#include "reconciler/run/board.hpp"
#include "reconciler/store/trail.hpp"
#include "reconciler/telemetry/metrics.hpp"

namespace genesis {

// Board and trail must outlive the metrics' last text().
void add_metrics_sources(Metrics& metrics, Board const& board, Trail& trail);

// Whether the shared cache is reachable; no gauge if `shared` is null.
void add_metrics_sources(Metrics& metrics, RedisCache const* shared);

}  // namespace genesis
