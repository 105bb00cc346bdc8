// For tests of genesisctl: a fake daemon on a socket of its own, and runs of the program.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

namespace genesis::cli {

struct TempDir {
    std::string path;
    TempDir() {
        char name[] = "/tmp/genesis-cli-XXXXXX";
        path = ::mkdtemp(name);
    }
    TempDir(TempDir const&) = delete;
    TempDir& operator=(TempDir const&) = delete;
    ~TempDir() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string file(std::string const& name, std::string const& text) const {
        std::ofstream(path + "/" + name) << text;
        return path + "/" + name;
    }
};

// Answers "METHOD target" with the answers of the test, repeating the last one; records the requests. Status 0: hangs
// up without an answer, as a daemon does that is stopped.
class Daemon {
public:
    explicit Daemon(std::string const& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd_, 16) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    Daemon(Daemon const&) = delete;
    Daemon& operator=(Daemon const&) = delete;
    ~Daemon() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }
    void say(std::string const& request, int status, std::string const& body) {
        std::lock_guard const lock(mutex_);
        answers_[request].emplace_back(status, body);
    }
    std::vector<std::string> asked() {
        std::lock_guard const lock(mutex_);
        return asked_;
    }
    std::string last_body() {
        std::lock_guard const lock(mutex_);
        return last_body_;
    }

private:
    void serve() {
        for (int peer = 0; (peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(peer)) one(peer);
    }
    void one(int peer) {
        std::string text;
        char buffer[65536];
        std::size_t head = std::string::npos, length = 0;
        while ((head = text.find("\r\n\r\n")) == std::string::npos || text.size() < head + 4 + length) {
            auto const got = ::read(peer, buffer, sizeof buffer);
            if (got <= 0) return;
            text.append(buffer, static_cast<std::size_t>(got));
            if (auto const at = text.find("Content-Length: "); at != std::string::npos)
                length = std::stoul(text.substr(at + 16));
        }
        auto const request = text.substr(0, text.find(" HTTP/1.1"));
        std::lock_guard const lock(mutex_);
        asked_.push_back(request);
        last_body_ = text.substr(head + 4);
        auto& queue = answers_[request];
        auto const [status, body] =
            queue.empty() ? std::pair{404, std::string(R"({"code":"not_found","detail":"no such thing"})")}
                          : queue.front();
        if (queue.size() > 1) queue.pop_front();
        if (status == 0) return;
        auto const answer = "HTTP/1.1 " + std::to_string(status) +
                            " x\r\nContent-Length: " + std::to_string(body.size()) +
                            "\r\nContent-Type: application/json\r\n\r\n" + body;
        [[maybe_unused]] auto const sent = ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    int fd_;
    std::mutex mutex_;
    std::vector<std::string> asked_;
    std::string last_body_;
    std::map<std::string, std::deque<std::pair<int, std::string>>> answers_;
    std::thread thread_;
};

struct Ended {
    int exit = -1;
    std::string out, err;
};
struct CliFixture {
    TempDir dir;
    Daemon daemon{dir.path + "/s"};
    [[nodiscard]] Ended ctl(std::vector<std::string> args, std::string const& input = "", bool terminal = false) const {
        args.insert(args.begin(), {"--socket", dir.path + "/s"});
        std::istringstream in(input);
        std::ostringstream out, err;
        Console console{.in = in, .out = out, .err = err, .terminal = terminal};
        auto const exit = run(std::move(args), console);
        return {exit, out.str(), err.str()};
    }
};

}  // namespace genesis::cli
