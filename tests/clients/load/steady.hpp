// Signed requests at a steady rate, whatever becomes of the ones before: how long each took and what was answered.
#pragma once
#include "tests/clients/load/caller.hpp"
#include "tests/clients/load/objects.hpp"

namespace genesis::load {

struct Steady {
    double rate = 100, seconds = 10;
    std::string while_there;      // goes on as long as there is this file, `seconds` at most
    std::size_t connections = 8;  // as many requests may wait for an answer at once
    std::size_t fresh = 0;        // of these, so many connect again for each request
    bool until_refused = false;   // ends a second after the first 401
};

// Every other request is a GET of the object, which was PUT before the first; the others PUT its next change. The key
// file is read for each request.
// Prints, a line each: seconds (it took), asked, accepted (2xx), refused (401), other, broken (and asked again),
// first_other, p50_ms, p99_ms and max_ms (from when it was due until it was accepted or refused), and as milliseconds
// since 1970 last_accepted (when that was sent) and first_refused (when that was answered); 0 where there was none.
void ask_steadily(Caller::Who const& who, Steady const& options, Told const& object);

}  // namespace genesis::load
