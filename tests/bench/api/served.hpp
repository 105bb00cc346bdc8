// The server that is measured: store on disk, admission, HTTP on a unix socket; the loop behind it is idle.
#pragma once
#include <string>

namespace genesis::bench {

// Serves from `directory` until SIGTERM. Says on standard output, in one line, the path of its socket.
int serve(std::string const& directory);

}  // namespace genesis::bench
