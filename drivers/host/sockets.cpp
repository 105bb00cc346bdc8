// Unix sockets, TCP sockets and sd_notify.
#include "drivers/host/sockets.hpp"

#include "drivers/context.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
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

std::optional<TcpAddress> TcpAddress::parse(std::string_view text) {
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    unsigned port = 0;
    auto const digits = text.substr(colon + 1);
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port > 65535) return std::nullopt;
    std::string host(text.substr(0, colon));
    TcpAddress out;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        auto& six = reinterpret_cast<sockaddr_in6&>(out.raw);
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(static_cast<std::uint16_t>(port));
        out.size = sizeof six;
        host = host.substr(1, host.size() - 2);
        if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return std::nullopt;
    } else {
        auto& four = reinterpret_cast<sockaddr_in&>(out.raw);
        four.sin_family = AF_INET;
        four.sin_port = htons(static_cast<std::uint16_t>(port));
        out.size = sizeof four;
        if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) != 1) return std::nullopt;
    }
    return out;
}

bool TcpAddress::loopback() const {
    if (raw.ss_family == AF_INET)
        return (ntohl(reinterpret_cast<sockaddr_in const&>(raw).sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET;
    auto const& six = reinterpret_cast<sockaddr_in6 const&>(raw).sin6_addr;
    return raw.ss_family == AF_INET6 && std::memcmp(&six, &in6addr_loopback, sizeof six) == 0;
}

unsigned TcpAddress::port() const {
    return ntohs(raw.ss_family == AF_INET ? reinterpret_cast<sockaddr_in const&>(raw).sin_port
                                          : reinterpret_cast<sockaddr_in6 const&>(raw).sin6_port);
}

std::string TcpAddress::str() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (raw.ss_family == AF_INET) {
        auto const& four = reinterpret_cast<sockaddr_in const&>(raw);
        inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(four.sin_port));
    }
    auto const& six = reinterpret_cast<sockaddr_in6 const&>(raw);
    inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(six.sin6_port));
}

Fd listen_tcp(TcpAddress const& address) {
    auto const family = address.raw.ss_family;
    Fd out(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!out) fail("cannot make a socket for", address.str());
    int const yes = 1;
    setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (family == AF_INET6) setsockopt(out.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(out.get(), reinterpret_cast<sockaddr const*>(&address.raw), address.size) != 0 ||
        listen(out.get(), 1024) != 0)
        fail("cannot listen at", address.str());
    return out;
}

TcpAddress bound_to(Fd const& socket) {
    TcpAddress out;
    out.size = sizeof out.raw;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&out.raw), &out.size) != 0)
        throw Fault("the socket is not bound");
    return out;
}

void notify(std::string const& state) { sd_notify(0, state.c_str()); }

}  // namespace genesis::host
