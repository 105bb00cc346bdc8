// flock(2), which the kernel releases however the process ends.
#include "drivers/host/lock.hpp"

#include "drivers/context.hpp"

#include <fcntl.h>
#include <sys/file.h>

namespace genesis::host {

Fd lock(std::string const& path) {
    Fd out(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!out) throw Fault("cannot open " + path);
    if (flock(out.get(), LOCK_EX | LOCK_NB) != 0) throw Fault("another process holds " + path);
    return out;
}

}  // namespace genesis::host
