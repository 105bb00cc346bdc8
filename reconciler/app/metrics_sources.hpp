// Gauges that are read when the metrics are scraped.
#pragma once
#include "reconciler/cache/redis_cache.hpp"
#include "reconciler/run/status_cache.hpp"
#include "reconciler/store/trail.hpp"
#include "reconciler/telemetry/metrics.hpp"

namespace genesis {

// Cache and trail must outlive the metrics' last text().
void add_metrics_sources(Metrics& metrics, StatusCache const& status, Trail& trail);

// Whether the shared cache is reachable; no gauge if `shared` is null.
void add_metrics_sources(Metrics& metrics, RedisCache const* shared);

}  // namespace genesis
