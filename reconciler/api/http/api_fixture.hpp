// For tests of the API: a store, a fake engine and a server on its own socket, and a client without a library.
#pragma once
#include "drivers/host/sockets.hpp"
#include "reconciler/api/http/server.hpp"
#include "reconciler/api/routes/fake_engine.hpp"
#include "reconciler/api/routes/openapi_conformance.hpp"
#include "reconciler/store/store_fixture.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace genesis {

struct NoReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const& name) const override {
        if (name == "backup") return "is a user of this system";
        return std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> domain(std::string const&) const override { return std::nullopt; }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {"8.1", "8.2"}; }
};
struct QuietLog final : Log {
    void write(Level, std::string_view, Fields) override {}
};

struct Reply {
    int status = 0;
    std::string head;
    std::string text;
    [[nodiscard]] json::object body() const { return parse_json(text).value().as_object(); }
    [[nodiscard]] std::string code() const { return std::string(body().at("code").as_string()); }
    [[nodiscard]] bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
    [[nodiscard]] std::string type() const {
        constexpr std::string_view name = "Content-Type: ";
        auto const at = head.find(name);
        return at == std::string::npos ? "" : head.substr(at + name.size(), head.find('\r', at) - at - name.size());
    }
};

// One connection; blocking, for at most half a minute.
class Wire {
public:
    explicit Wire(std::string const& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        join(address);
    }
    explicit Wire(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        join(address);
    }
    ~Wire() { ::close(fd_); }
    Wire(Wire const&) = delete;
    Wire& operator=(Wire const&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] int fd() const { return fd_; }
    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            auto const n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    // Status 0 if the server closed without an answer. The answer must conform to OpenAPI for this method and target;
    // for what is not a request it must be a problem.
    Reply receive(std::string const& method = "", std::string const& target = "") {
        Reply out = receive_whole();
        if (out.status != 0) hold_text(method, target, out.status, out.type(), out.text);
        return out;
    }
    Reply receive_head() {
        Reply out;
        out.head = until("\r\n\r\n");
        if (!out.head.empty()) out.status = std::stoi(out.head.substr(9, 3));
        return out;
    }
    // Everything up to and including the mark; empty if the connection ends before.
    std::string until(std::string_view mark) {
        std::size_t at = 0;
        while ((at = read_.find(mark)) == std::string::npos)
            if (!more()) return {};
        return take(at + mark.size());
    }
    // True once the server has closed the connection and everything before was read.
    bool ended() {
        while (more()) read_.clear();
        return !late_;
    }
    Reply ask(std::string const& method, std::string const& target, std::string const& body = "",
              std::string const& headers = "") {
        std::string text = method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers;
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        send(text + "\r\n" + body);
        return receive(method, target);
    }

private:
    Reply receive_whole() {
        Reply out = receive_head();
        auto const at = out.head.find("Content-Length: ");
        auto const length = at == std::string::npos ? 0 : std::stoul(out.head.substr(at + 16));
        while (read_.size() < length)
            if (!more()) return {};
        out.text = take(length);
        return out;
    }
    template <class Address>
    void join(Address const& address) {
        timeval const timeout{30, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
    }
    std::string take(std::size_t size) {
        auto out = read_.substr(0, size);
        read_.erase(0, size);
        return out;
    }
    bool more() {
        std::array<char, 4096> buffer{};
        auto const n = ::recv(fd_, buffer.data(), buffer.size(), 0);
        late_ = n < 0 && errno == EAGAIN;
        if (n <= 0) return false;
        read_.append(buffer.data(), static_cast<std::size_t>(n));
        return true;
    }
    int fd_;
    bool connected_ = false, late_ = false;
    std::string read_;
};

// Authenticates everybody as a key with every scope.
struct Anybody final : Authenticator {
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const&,
                                                                       Connection const&) const override {
        return Identity{"key test"};
    }
};

class ApiFixture : public StoreFixture {
public:
    explicit ApiFixture(Deadlines deadlines = {}) : deadlines_(deadlines) { start(); }
    ~ApiFixture() { end(); }
    ApiFixture(ApiFixture const&) = delete;
    ApiFixture& operator=(ApiFixture const&) = delete;

    [[nodiscard]] std::string socket() const { return directory() + "/api.sock"; }
    Reply ask(std::string const& method, std::string const& target, std::string const& body = "",
              std::string const& headers = "") const {
        return Wire(socket()).ask(method, target, body, headers);
    }
    // Stops the server and starts another one on the same store.
    void restart() {
        end();
        reopen();
        start();
    }
    // Opens another listener on a loopback port, and returns the port.
    std::uint16_t open(Authenticator const& who, TlsCertificate const* tls = nullptr,
                       ConnectionLimiter::Limits most = {}) {
        int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 1024) != 0 ||
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw Fault("cannot listen");
        server->serve({fd, &who, tls, "here", most});
        return ntohs(address.sin_port);
    }
    Service service(Trail& trail) {
        ApiSettings settings;
        settings.node = "node1";
        settings.socket = socket();
        settings.admin_gid = ::getegid();
        return Service{store(), store(), store(), trail, *admission_, engine, settings, log_, clock, &metrics};
    }

    Metrics metrics;
    FakeEngine engine;
    std::unique_ptr<ApiServer> server;

private:
    void start() {
        admission_.emplace(Admission{store(), reserved_});
        server = std::make_unique<ApiServer>(service(store()), deadlines_);
        events_ = store().on_events([this] { server->notify_events(); });
        server->serve({host::listen_unix(socket(), ::getegid()).release(), &peers_, nullptr, "", {512, 512}});
    }
    void end() {
        events_ = {};
        server.reset();
    }
    Signal::Subscription events_;
    Deadlines deadlines_;
    NoReserved reserved_;
    QuietLog log_;
    PeerCredentials peers_{::getegid()};
    std::optional<Admission> admission_;
    ConformsToOpenApi described_;
};

}  // namespace genesis
