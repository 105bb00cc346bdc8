// Descriptors: closing, and openat2(2), for which glibc has no wrapper.
#include "drivers/host/fd.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace genesis::host {

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

Fd open_beneath(int dir, std::string_view path, int flags, unsigned mode, int& error) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    std::string const terminated(path);
    long fd = -1;
    do fd = ::syscall(SYS_openat2, dir, terminated.c_str(), &how, sizeof how);
    while (fd < 0 && errno == EINTR);
    error = fd < 0 ? errno : 0;
    return Fd(static_cast<int>(fd));
}

}  // namespace genesis::host
