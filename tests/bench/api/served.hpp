// The server that is measured: store on disk, admission, HTTP and HTTPS; the loop behind it is idle.
#pragma once
#include "resources/schema/secret.hpp"

#include <string>

namespace genesis::bench {

inline constexpr char const* key_id = "bench";
inline constexpr char const* audience = "node:bench";
std::string hex(Secret const& secret);
Secret unhex(std::string const& text);

// Serves from `directory` until SIGTERM. Says on standard output, in one line: the path of its socket, the port of
// signed HTTP, that of signed HTTPS, and the key's secret in hex. With a cache lists are kept in memory, as the daemon
// does.
int serve(std::string const& directory, bool cache);

}  // namespace genesis::bench
