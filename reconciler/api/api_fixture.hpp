// What tests of the API share: store, fake engine and server on a socket of their own, and a client without a library.
#pragma once
#include "reconciler/api/fake_engine.hpp"
#include "reconciler/api/server.hpp"
#include "reconciler/store/store_fixture.hpp"
#include "resources/schema/document.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace genesis {

struct NoReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const& name) const override {
        if (name == "backup") return "is a user of this system";
        return std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> domain(std::string const&) const override { return std::nullopt; }
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
};

// One connection; blocking.
class Wire {
public:
    explicit Wire(std::string const& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Wire() { ::close(fd_); }
    Wire(Wire const&) = delete;
    Wire& operator=(Wire const&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            auto const n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    // Status 0 when the server closed without an answer.
    Reply receive() {
        Reply out;
        std::size_t end = 0;
        while ((end = read_.find("\r\n\r\n")) == std::string::npos)
            if (!more()) return out;
        out.head = read_.substr(0, end + 2);
        read_.erase(0, end + 4);
        out.status = std::stoi(out.head.substr(9, 3));
        auto const at = out.head.find("Content-Length: ");
        auto const length = at == std::string::npos ? 0 : std::stoul(out.head.substr(at + 16));
        while (read_.size() < length)
            if (!more()) return {};
        out.text = read_.substr(0, length);
        read_.erase(0, length);
        return out;
    }
    Reply ask(std::string const& method, std::string const& target, std::string const& body = "",
              std::string const& headers = "") {
        std::string text = method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers;
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        send(text + "\r\n" + body);
        return receive();
    }

private:
    bool more() {
        std::array<char, 4096> buffer{};
        auto const n = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (n <= 0) return false;
        read_.append(buffer.data(), static_cast<std::size_t>(n));
        return true;
    }
    int fd_;
    bool connected_ = false;
    std::string read_;
};

class ApiFixture : public StoreFixture {
public:
    ApiFixture() {
        ApiSettings settings;
        settings.node = "node1";
        settings.socket = socket();
        settings.admin_gid = ::getegid();
        server = std::make_unique<ApiServer>(
            Service{store(), store(), store(), admission_, engine, settings, log_, clock, &metrics});
        int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 128) != 0)
            throw Fault("cannot listen");
        server->serve(fd);
    }
    ~ApiFixture() { server.reset(); }
    ApiFixture(ApiFixture const&) = delete;
    ApiFixture& operator=(ApiFixture const&) = delete;

    [[nodiscard]] std::string socket() const { return directory() + "/api.sock"; }
    Reply ask(std::string const& method, std::string const& target, std::string const& body = "",
              std::string const& headers = "") const {
        return Wire(socket()).ask(method, target, body, headers);
    }

    Metrics metrics;
    FakeEngine engine;
    std::unique_ptr<ApiServer> server;

private:
    NoReserved reserved_;
    QuietLog log_;
    Admission admission_{store(), reserved_};
};

}  // namespace genesis
