// OpenSSL on a blocking socket whose time-outs the kernel keeps.
#include "tests/clients/load/wire.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace genesis::load {
namespace {

timeval timeval_of(std::chrono::milliseconds time) {
    return {time.count() / 1000, static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

void set_patience(int fd, std::chrono::milliseconds patience) {
    auto const time = timeval_of(patience);
    int const on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

sockaddr_in endpoint_of(std::string const& host, unsigned short port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &out.sin_addr) != 1) throw std::runtime_error("no IPv4 address: " + host);
    return out;
}

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

int connect_to(Address const& address, std::chrono::milliseconds patience) {
    auto const to = endpoint_of(address.host, address.port);
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw Broken("no socket: " + std::string(std::strerror(errno)));
    set_patience(fd, patience);
    if (!address.from.empty()) {
        auto const from = endpoint_of(address.from, 0);
        (void)::bind(fd, reinterpret_cast<sockaddr const*>(&from), sizeof from);
    }
    if (::connect(fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) == 0) return fd;
    int const error = errno;
    ::close(fd);
    throw Broken("connecting: " + std::string(std::strerror(error)));
}

std::string Reply::header(std::string_view name) const {
    for (std::size_t at = head.find("\r\n"); at != std::string::npos && at + 2 < head.size();) {
        auto const from = at + 2, end = std::min(head.find("\r\n", from), head.size());
        auto const line = std::string_view(head).substr(from, end - from);
        auto const colon = line.find(':');
        if (colon != std::string_view::npos && same_name(line.substr(0, colon), name))
            return std::string(line.substr(std::min(colon + 2, line.size())));
        at = end < head.size() ? end : std::string::npos;
    }
    return {};
}

Wire::Wire(Address const& address, std::chrono::milliseconds patience)
    : fd_(connect_to(address, patience)), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    SSL_set_fd(ssl_.get(), fd_);
    if (SSL_connect(ssl_.get()) == 1) return;
    ssl_.reset();
    ::close(fd_);
    throw Broken("no handshake: " + host::openssl_error());
}

Wire::~Wire() {
    ssl_.reset();
    ::close(fd_);
}

void Wire::send(std::string_view bytes) {
    if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0)
        throw Broken("sending: " + host::openssl_error());
}

void Wire::more() {
    std::array<char, 16384> piece{};
    int const n = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
    if (n <= 0) throw Broken("receiving: " + host::openssl_error());
    in_.append(piece.data(), static_cast<std::size_t>(n));
}

Reply Wire::receive() {
    Reply out;
    auto end = std::string::npos;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) more();
    out.head = in_.substr(0, end + 2);
    in_.erase(0, end + 4);
    if (out.head.size() < 12 || !out.head.starts_with("HTTP/1.1 ")) throw Broken("this is no answer: " + out.head);
    out.status = std::stoi(out.head.substr(9, 3));
    auto const length = out.header("Content-Length");
    auto const size = length.empty() ? 0 : std::stoul(length);
    while (in_.size() < size) more();
    out.body = in_.substr(0, size);
    in_.erase(0, size);
    return out;
}

}  // namespace genesis::load
