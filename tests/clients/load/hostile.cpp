// A thread for each kind of request, and a few that keep the slow connections alive.
#include "tests/clients/load/hostile.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace genesis::load {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

struct Tally {
    std::mutex mutex;
    std::map<std::string, std::uint64_t> counts;
    void add(std::string const& what) {
        std::lock_guard const lock(mutex);
        ++counts[what];
    }
};

// One that is open and hardly speaks. Opened again when the server has closed it.
class Slow {
public:
    enum Kind { silent, handshake, head, body };
    static constexpr std::array names{"silent", "handshake", "head", "body"};

    Slow(Kind kind, Address address) : kind_(kind), address_(std::move(address)) {}
    ~Slow() { close(); }
    Slow(Slow&& other) noexcept
        : kind_(other.kind_),
          address_(other.address_),
          fd_(std::exchange(other.fd_, -1)),
          wire_(std::move(other.wire_)) {}
    Slow& operator=(Slow&&) = delete;

    // True when it had to be opened.
    bool tick() {
        try {
            if (alive()) return false;
            open();
        } catch (Broken const&) {  // no room for it now
            close();
        }
        return true;
    }
    [[nodiscard]] std::string name() const { return names.at(kind_); }

private:
    bool alive() {
        if (wire_) {
            wire_->send("x");
            return true;
        }
        char byte = 0;
        return fd_ >= 0 && ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    void open() {
        close();
        if (kind_ == silent || kind_ == handshake) {
            fd_ = connect_to(address_, 5s);
            constexpr std::string_view beginning("\x16\x03\x01\x02\x00\x01", 6);
            if (kind_ == handshake) (void)::send(fd_, beginning.data(), beginning.size(), MSG_NOSIGNAL);
            return;
        }
        wire_ = std::make_unique<Wire>(address_, 5s);
        wire_->send(kind_ == head ? "GET /v1/info HTTP/1.1\r\nX: "
                                  : "PUT /v1/accounts/acme HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
    }
    void close() {
        wire_.reset();
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

    Kind const kind_;
    Address const address_;
    int fd_ = -1;
    std::unique_ptr<Wire> wire_;
};

void keep_slow(Address const& address, std::size_t number, SteadyClock::time_point until, Tally& tally) {
    std::vector<Slow> all;
    for (std::size_t i = 0; i < number; ++i) all.emplace_back(static_cast<Slow::Kind>(i % 4), address);
    while (SteadyClock::now() < until) {
        for (auto& one : all)
            if (SteadyClock::now() < until && one.tick()) tally.add("slow " + one.name());
        std::this_thread::sleep_for(2s);
    }
}

void repeat(std::string const& kind, SteadyClock::time_point until, Tally& tally, std::function<int()> const& ask) {
    while (SteadyClock::now() < until) {
        int status = 0;
        try {
            status = ask();
        } catch (Broken const&) {
        }
        tally.add(kind + " " + std::to_string(status));
        std::this_thread::sleep_for(50ms);
    }
}

// On a connection of its own. What comes after the head is sent until the server has had enough; then its answer is
// read, where the closed connection still lets it through.
int push(Address const& address, std::string const& head, std::string const& piece, std::size_t pieces) {
    Wire wire(address);
    wire.send(head);
    try {
        for (std::size_t i = 0; i < pieces; ++i) wire.send(piece);
    } catch (Broken const&) {
    }
    return wire.receive().status;
}

std::string with_length(std::string const& request, std::string const& length) {
    return request.substr(0, request.size() - 2) + "Content-Length: " + length + "\r\n\r\n";
}

}  // namespace

void attack(Caller::Who const& who, Hostile const& options) {
    auto const until = SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(
                                                std::chrono::duration<double>(options.seconds));
    Tally tally;
    std::string const target = "/v1/accounts/acme", megabyte(1 << 20, ' ');
    std::vector<std::thread> threads;
    constexpr std::size_t keepers = 8;
    for (std::size_t i = 0; i < keepers; ++i) {
        auto address = who.address;
        if (!options.from.empty()) address.from = options.from[i % options.from.size()];
        threads.emplace_back([&, address] { keep_slow(address, options.slow / keepers, until, tally); });
    }
    auto const asks = [&](std::string const& kind, std::function<int(Caller&)> ask) {
        threads.emplace_back([&, kind, ask = std::move(ask)] {
            Caller caller(who);
            repeat(kind, until, tally, [&] { return ask(caller); });
        });
    };
    asks("header",
         [&](Caller&) { return push(who.address, "GET /v1/info HTTP/1.1\r\nX: ", std::string(65536, 'x'), 1); });
    asks("body", [&](Caller& caller) {
        return push(who.address, with_length(caller.sign("PUT", target), "2147483648"), megabyte, 2048);
    });
    std::string const deep = R"({"sites":)" + std::string(10000, '[') + std::string(10000, ']') + "}";
    asks("deep", [&](Caller& caller) { return caller.ask("PUT", target, deep).status; });
    asks("twice", [&](Caller& caller) {
        return caller.ask("PUT", target, R"({"contact":"a@b.example","contact":"c@d.example"})").status;
    });
    auto stranger = who;
    stranger.kid = "nobody-knows-it";
    threads.emplace_back([&] {
        Caller caller(stranger);
        repeat("stranger", until, tally, [&] { return caller.ask("PUT", target, megabyte.substr(48)).status; });
    });
    for (auto& thread : threads) thread.join();
    for (auto const& [what, number] : tally.counts)
        std::printf("%s %llu\n", what.c_str(), static_cast<unsigned long long>(number));
}

}  // namespace genesis::load
