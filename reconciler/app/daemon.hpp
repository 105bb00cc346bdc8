// genesisd put together: one owner for each part, in the order they depend on each other.
#pragma once
#include "reconciler/app/config.hpp"

#include <string>

namespace genesis {

// Runs until SIGTERM or SIGINT, then stops gracefully. Returns the exit code; throws Fault when it cannot start.
int run_daemon(Config const& config);

}  // namespace genesis
