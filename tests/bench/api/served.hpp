// The server that is measured: store on disk, admission, HTTP on a unix socket; the loop behind it is idle.
#pragma once
#include <string>

namespace genesis::bench {

// Serves from `directory` until SIGTERM. Says on standard output, in one line, the path of its socket.
// With a cache lists are kept in memory, as the daemon does.
int serve(std::string const& directory, bool cache);

}  // namespace genesis::bench
