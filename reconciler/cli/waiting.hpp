// Waits until objects are ready or gone, and reports their progress.
#pragma once
#include "reconciler/cli/client.hpp"

#include <span>

namespace genesis::cli {

enum class Until { ready, gone };

// "5 of 7 in sync; php_pool/x failing: …", for progress and watch.
std::string progress_of(json::value const& envelope);
bool is_ready(json::value const& envelope);  // ready at the stored generation

// Polls until every target is ready or gone (fine) or the time is up (differs, after printing what is not). Progress is
// one rewritten line on a terminal, elsewhere a line for each change. Throws Failure if an object does not exist.
Exit wait_for(Client const& client, std::span<Target const> targets, Until until, std::chrono::seconds timeout,
              Console& console);

}  // namespace genesis::cli
