// Unix sockets and sd_notify.
#include "drivers/host/sockets.hpp"

#include "drivers/context.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace genesis::host {
namespace {

[[noreturn]] void fail(std::string const& what, std::string const& path) {
    throw Fault(what + " " + path + ": " + std::generic_category().message(errno));
}

sockaddr_un address_of(std::string const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw Fault("the socket's path is too long: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

bool answers(sockaddr_un const& address) {
    Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return connect(probe.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0 || errno == EAGAIN;
}

}  // namespace

Fd listen_unix(std::string const& path, gid_t gid) {
    auto const address = address_of(path);
    struct stat there {};
    if (lstat(path.c_str(), &there) == 0) {
        if (!S_ISSOCK(there.st_mode)) throw Fault(path + " is in the way and is not a socket");
        if (answers(address)) throw Fault("another daemon answers at " + path);
        if (unlink(path.c_str()) != 0) fail("cannot remove", path);
    }
    Fd out(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!out) fail("cannot make a socket for", path);
    if (fchmod(out.get(), 0600) != 0) fail("cannot restrict", path);  // the mode the socket is born with
    if (bind(out.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) fail("cannot bind", path);
    if (lchown(path.c_str(), 0, gid) != 0 && geteuid() == 0) fail("cannot give to the group", path);
    if (chmod(path.c_str(), 0660) != 0) fail("cannot open to the group", path);
    if (listen(out.get(), 512) != 0) fail("cannot listen at", path);
    return out;
}

void notify(std::string const& state) { sd_notify(0, state.c_str()); }

}  // namespace genesis::host
