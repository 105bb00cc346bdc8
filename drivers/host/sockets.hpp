// A listening unix socket with an owner, and what is told to the service manager.
#pragma once
#include "drivers/host/fd.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace genesis::host {

// Binds and listens at `path`, mode 0660 root:gid from its first moment. A socket left there by a dead daemon is
// replaced; one that still answers is a Fault.
Fd listen_unix(std::string const& path, gid_t gid);

// sd_notify(3): "READY=1", "STOPPING=1", "WATCHDOG=1"; does nothing without a service manager.
void notify(std::string const& state);

}  // namespace genesis::host
