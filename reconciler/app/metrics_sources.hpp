// What is looked up for metrics only when somebody asks for them.
#pragma once
#include "reconciler/cache/redis_cache.hpp"
#include "reconciler/run/board.hpp"
#include "reconciler/store/trail.hpp"
#include "reconciler/telemetry/metrics.hpp"

namespace genesis {

// Board and trail outlive the last text() of the metrics.
void add_metrics_sources(Metrics& metrics, Board const& board, Trail& trail);

// Whether the shared cache answers; nothing where there is to be none.
void add_metrics_sources(Metrics& metrics, RedisCache const* shared);

}  // namespace genesis
