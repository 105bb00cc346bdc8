// The shared cache on a real redis-server that is killed, stopped, poisoned and started again.
#include "reconciler/cache/redis_cache.hpp"

#include "reconciler/cache/redis_fixture.hpp"
#include "tests/support/fake_clock.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <cstring>

namespace genesis {
namespace {

using namespace std::chrono_literals;

struct Bed {
    test::FakeClock clock;
    test::ListLog log;
    RedisProcess server;
    std::unique_ptr<RedisCache> cache(char key = 'k') {
        auto const master = Vault::with_key(Secret(std::string("0123456789abcdef0123456789abcde") + key));
        auto out = std::make_unique<RedisCache>(server.address(), "node1", master, clock, log);
        REQUIRE(eventually([&] { return out->up(); }));
        return out;
    }
    // A loaded machine may miss a deadline, which is no value: retried.
    static bool holds(RedisCache& cache, std::string const& key, std::string const& value) {
        return eventually([&] {
            cache.set(key, value, 60s);
            return cache.get(key) == value;
        });
    }
};

TEST_CASE("what one process caches another one finds, and nobody else can read it") {
    Bed bed;
    auto const one = bed.cache(), two = bed.cache(), other_store = bed.cache('x');
    CHECK(Bed::holds(*one, "list", "a value"));
    CHECK(eventually([&] { return two->get("list") == "a value"; }));
    CHECK(!other_store->get("list"));
    CHECK(bed.server.read(one->name_of("list")).find("a value") == std::string::npos);
    CHECK(!bed.server.read(one->name_of("list")).empty());
}

TEST_CASE("a shared value expires, also while Redis still has it") {
    Bed bed;
    auto const cache = bed.cache();
    CHECK(Bed::holds(*cache, "list", "a value"));
    bed.clock.advance(61s);
    CHECK(!cache->get("list"));
    CHECK(!bed.server.read(cache->name_of("list")).empty());
}

TEST_CASE("a value that somebody else wrote into Redis is ignored") {
    Bed bed;
    auto const cache = bed.cache();
    for (std::string const bad : {"", "garbage", "v1:", "v1:AAAA", "9999999999999 {\"items\": []}"}) {
        bed.server.write(cache->name_of("list"), bad);
        CHECK(!cache->get("list"));
    }
    CHECK(Bed::holds(*cache, "list", "a value"));
    auto const sealed = bed.server.read(cache->name_of("list"));
    bed.server.write(cache->name_of("other"), sealed);  // a valid one under another name
    CHECK(!cache->get("other"));
    auto flipped = sealed;
    flipped[flipped.size() / 2] = flipped[flipped.size() / 2] == 'A' ? 'B' : 'A';
    bed.server.write(cache->name_of("list"), flipped);
    CHECK(!cache->get("list"));
}

// A loaded machine may miss a deadline, which is no reply: retried. Each miss may have taken a token all the same.
bool got_one(SharedBuckets& through, SharedBuckets::Size const& size, int& missed) {
    std::optional<bool> token;
    eventually([&] {
        token = through.take("kid", size);
        missed += token ? 0 : 1;
        return token.has_value();
    });
    return token.value();
}

// How many of a hundred calls get a token, in turn through each of the caches, and how many may have lost one.
struct Taken {
    int got = 0, missed = 0;
    [[nodiscard]] int most() const { return got + missed; }
};
Taken take_hundred(std::vector<RedisCache*> const& through, SharedBuckets::Size const& size) {
    Taken out;
    for (std::size_t i = 0; i < 100; ++i) out.got += got_one(*through[i % through.size()], size, out.missed) ? 1 : 0;
    return out;
}

TEST_CASE("two processes share one bucket, which is refilled with time") {
    Bed bed;
    auto const one = bed.cache(), two = bed.cache(), other_store = bed.cache('x');
    auto const started = std::chrono::steady_clock::now();
    auto const shared = take_hundred({one.get(), two.get()}, {1, 30});
    auto const passed = std::chrono::steady_clock::now() - started;
    CHECK(shared.most() >= 30);
    CHECK(shared.got <= 31 + std::chrono::duration_cast<std::chrono::seconds>(passed).count());
    CHECK(take_hundred({other_store.get()}, {1, 30}).most() >= 30);
    int missed = 0;
    CHECK(!got_one(*two, {100, 30}, missed));  // the same bucket with a higher rate
    std::this_thread::sleep_for(100ms);
    CHECK(take_hundred({two.get()}, {100, 30}).most() >= 5);
}

TEST_CASE("a bucket that somebody else wrote counts as full, as at most empty, or as missing") {
    Bed bed;
    auto const cache = bed.cache();
    auto const name = cache->name_of("kid");
    for (std::string const bad : {"", "garbage", "nan", "-inf", "-1", "0", "0x10"}) {
        INFO(bad);
        bed.server.write(name, bad);
        CHECK(take_hundred({cache.get()}, {1000, 5}).most() >= 5);
    }
    for (std::string const far : {"9999999999999999", "inf", "1e300", "1e999999"}) {
        INFO(far);
        bed.server.write(name, far);
        int missed = 0;
        CHECK(!got_one(*cache, {1000, 5}, missed));
        std::this_thread::sleep_for(10ms);
        CHECK(take_hundred({cache.get()}, {1000, 5}).most() >= 5);
    }
    bed.server.write_list(name);
    CHECK(!cache->take("kid", {1, 5}));
    CHECK(cache->up());
}

TEST_CASE("without Redis there is no cache, at once, and it is used again when it is back") {
    Bed bed;
    auto const cache = bed.cache();
    CHECK(Bed::holds(*cache, "list", "a value"));
    bed.server.kill();
    CHECK(!cache->get("list"));
    CHECK(!cache->take("kid", {1, 1}));
    cache->set("list", "b", 60s);
    CHECK(eventually([&] { return !cache->up(); }));
    bed.server.start();
    CHECK(Bed::holds(*cache, "list", "c"));
}

// Stands in for a Redis: sends the same to every connection, whatever the command.
class Impostor {
public:
    explicit Impostor(std::string says) : says_(std::move(says)) {
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd_, 16) != 0)
            throw Fault("cannot listen");
        thread_ = std::thread([this] { serve(); });
    }
    ~Impostor() {
        ::shutdown(fd_, SHUT_RDWR);  // ends accept(2)
        thread_.join();
        ::close(fd_);
    }
    Impostor(Impostor const&) = delete;
    Impostor& operator=(Impostor const&) = delete;
    [[nodiscard]] std::string socket() const { return root_ / "redis.sock"; }
    std::atomic<int> ended = 0;  // connections that the client closed

private:
    void serve() {
        for (int peer = 0; (peer = ::accept(fd_, nullptr, nullptr)) >= 0; ::close(peer)) {
            std::array<char, 512> buffer{};
            if (::recv(peer, buffer.data(), buffer.size(), 0) <= 0) continue;
            (void)::send(peer, says_.data(), says_.size(), MSG_NOSIGNAL);
            while (::recv(peer, buffer.data(), buffer.size(), 0) > 0) continue;
            ++ended;
        }
    }
    test::TmpRoot root_;
    std::string const says_;
    int fd_ = -1;
    std::thread thread_;
};

TEST_CASE(
    "a peer that sends unexpected replies or does not speak Redis loses its connection, and nothing else happens") {
    std::string const says =
        GENERATE(as<std::string>(), "+PONG\r\n+more\r\n", "+PONG\r\n:1\r\n*1\r\n:1\r\n", "+PONG\r\n$",
                 "HTTP/1.1 400 Bad Request\r\n\r\n", "*-7\r\n", ":1\r\n", "-NOAUTH no\r\n", "$-2\r\n");
    Impostor impostor(says);
    test::FakeClock clock;
    test::ListLog log;
    RedisServer server;
    server.socket = impostor.socket();
    server.first_pause = server.longest_pause = 5ms;
    RedisLink const link(server, clock, log);
    CHECK(eventually([&] { return impostor.ended >= 3; }));
}

TEST_CASE("a stopped Redis costs its deadline once, then nothing until it continues") {
    Bed bed;
    auto const cache = bed.cache();
    auto best = 1000000us;
    for (int round = 0; round < 5; ++round) {  // the best of several: a loaded machine may oversleep
        CHECK(Bed::holds(*cache, "list", "a value"));
        bed.server.signal(SIGSTOP);
        auto const before = std::chrono::steady_clock::now();
        CHECK(!cache->get("list"));
        auto const took = std::chrono::steady_clock::now() - before;
        best = std::min(best, std::chrono::duration_cast<std::chrono::microseconds>(took));
        CHECK(!cache->up());
        CHECK(!cache->get("list"));
        bed.server.signal(SIGCONT);
    }
    CHECK(best < 100ms);
    CHECK(Bed::holds(*cache, "list", "a value"));
}

}  // namespace
}  // namespace genesis
