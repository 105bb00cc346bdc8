// Waiting until objects are as wanted, and saying what they wait for.
#pragma once
#include "reconciler/cli/client.hpp"

#include <span>

namespace genesis::cli {

enum class Until { ready, gone };

// "5 of 7 in sync; php_pool/x failing: …": one line on an object, for progress and for watch.
std::string progress_of(json::value const& envelope);
bool is_ready(json::value const& envelope);  // ready, and for the generation that is stored

// Asks until every target is so (fine) or the time is up (differs, after saying what is not so). On a terminal one line
// that is rewritten, elsewhere a line whenever it says something new. Throws Failure when an object is not there.
Exit wait_for(Client const& client, std::span<Target const> targets, Until until, std::chrono::seconds timeout,
              Console& console);

}  // namespace genesis::cli
