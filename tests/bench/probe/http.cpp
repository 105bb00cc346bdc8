// Blocking sockets that are read to their end, and OpenSSL for the page.
#include "tests/bench/probe/http.hpp"

#include "drivers/host/openssl.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>

namespace genesis::bench {
namespace {

struct Socket {
    explicit Socket(int family) : fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        timeval const patience{20, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    ~Socket() { ::close(fd); }
    Socket(Socket const&) = delete;
    Socket& operator=(Socket const&) = delete;
    int fd;
};

bool connect_loopback(Socket const& socket, unsigned short port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket.fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) == 0;
}

std::string request_of(std::string_view method, std::string const& target, std::string const& host,
                       std::string const& json) {
    std::string out(method);
    out.append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\nConnection: close\r\n");
    if (!json.empty())
        out.append("Content-Type: application/json\r\nContent-Length: ")
            .append(std::to_string(json.size()))
            .append("\r\n");
    return out.append("\r\n").append(json);
}

// `receive` says 0 at the end, and less where it failed.
Reply read_reply(std::function<long(char*, std::size_t)> const& receive) {
    std::string all;
    std::array<char, 16384> part{};
    for (long got = 0; (got = receive(part.data(), part.size())) > 0;) all.append(part.data(), std::size_t(got));
    auto const end = all.find("\r\n\r\n");
    if (end == std::string::npos || all.size() < 12 || !all.starts_with("HTTP/1.1 ")) return {};
    return {std::stoi(all.substr(9, 3)), all.substr(end + 4)};
}

Reply exchange(Socket const& socket, std::string const& request) {
    if (::send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size())) return {};
    return read_reply([&](char* into, std::size_t size) { return ::recv(socket.fd, into, size, 0); });
}

}  // namespace

Reply ask_socket(std::string const& path, std::string_view method, std::string const& target, std::string const& json) {
    Socket const socket(AF_UNIX);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    if (::connect(socket.fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) != 0) return {};
    return exchange(socket, request_of(method, target, "genesis", json));
}

Reply ask_port(unsigned short port, std::string const& target) {
    Socket const socket(AF_INET);
    if (!connect_loopback(socket, port)) return {};
    return exchange(socket, request_of("GET", target, "127.0.0.1", {}));
}

Reply ask_site(std::string const& domain) {
    static host::ServerPtr const context(SSL_CTX_new(TLS_client_method()));
    Socket const socket(AF_INET);
    if (!connect_loopback(socket, 443)) return {};
    host::ConnectionPtr const ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), socket.fd);
    SSL_set_tlsext_host_name(ssl.get(), domain.c_str());
    auto const request = request_of("GET", "/", domain, {});
    if (SSL_connect(ssl.get()) != 1 || SSL_write(ssl.get(), request.data(), int(request.size())) <= 0) return {};
    return read_reply([&](char* into, std::size_t size) { return long(SSL_read(ssl.get(), into, int(size))); });
}

}  // namespace genesis::bench
