// Listening sockets, and what the service manager is sent.
#pragma once
#include "drivers/host/fd.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace genesis::host {

// Binds and listens at `path`, mode 0660 root:gid from its first moment. A socket left there by a dead daemon is
// replaced; one that still answers is a Fault.
Fd listen_unix(std::string const& path, gid_t gid);

// An IP address with a port: "192.0.2.7:8443", "[2001:db8::7]:8443". Port 0 is any that is free.
struct TcpAddress {
    static std::optional<TcpAddress> parse(std::string_view text);
    [[nodiscard]] bool loopback() const;  // 127.0.0.0/8 or ::1
    [[nodiscard]] unsigned port() const;
    [[nodiscard]] std::string str() const;
    sockaddr_storage raw{};
    socklen_t size = 0;
};
// Binds and listens, non-blocking; an IPv6 address is for IPv6 alone. Fault when the address is taken or not ours.
Fd listen_tcp(TcpAddress const& address);
// Where a socket is bound.
TcpAddress bound_to(Fd const& socket);

// sd_notify(3): "READY=1", "STOPPING=1", "WATCHDOG=1"; does nothing without a service manager.
void notify(std::string const& state);

}  // namespace genesis::host
