// One process at a time.
#pragma once
#include "drivers/host/fd.hpp"

#include <string>

namespace genesis::host {

// Makes the file (0600) if need be and locks it while the descriptor lives. Fault when another process holds it.
Fd lock(std::string const& path);

}  // namespace genesis::host
