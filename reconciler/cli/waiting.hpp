// Waits until objects are ready or gone, and reports their progress.
#pragma once
#include "reconciler/cli/client.hpp"

#include <span>
#include <vector>

namespace genesis::cli {

enum class Until {
    ready,
    gone,
    settled,  // ready; or, of what is deleted, off or gone
    ended,    // off or gone
    off       // in its grace period after a delete: its services are off, its data is kept
};

struct Awaited {
    Target target;
    // It uses something that has changed, which raises no generation of its own: its status may be from before. It is
    // ready once a new look at the server finds nothing to do for it, and its status says so after that.
    bool looked_at = false;
    bool named = true;  // a line says that it is ready
};
std::vector<Awaited> awaited(std::vector<Target> const& targets);

// "5 of 7 in sync; php_pool/x failing: …", for progress and watch.
std::string progress_of(json::value const& envelope);
bool is_ready(json::value const& envelope);  // ready at the stored generation
bool is_off(json::value const& envelope);    // deleted, its services off, its data kept, at the stored generation

// Polls until every target is as `until` says (fine) or the time is up (differs, after printing what is not). Progress
// is one rewritten line on a terminal. Elsewhere it is a line for each change, where one object is waited for; for
// several a line every few seconds and whenever more or fewer fail. Throws Failure if an object does not exist, and is
// not waited to be gone.
Exit wait_for(Client const& client, std::vector<Awaited> const& all, Until until, std::chrono::seconds timeout,
              Console& console);

}  // namespace genesis::cli
