// The caches that genesis.yaml asks for.
#include "reconciler/app/cache_wiring.hpp"

#include "reconciler/cache/redis_fixture.hpp"
#include "tests/support/fake_clock.hpp"

#include <sys/stat.h>
#include <catch2/catch.hpp>

#include <fstream>

namespace genesis {
namespace {

using namespace std::chrono_literals;

struct Bed {
    test::TmpRoot root;
    test::FakeClock clock;
    test::ListLog log;
    std::unique_ptr<Caches> caches(std::string const& yaml) {
        auto const config = read_config("requests_per_second: 1\nburst: 3\n" + yaml);
        REQUIRE(config.has_value());
        return std::make_unique<Caches>(*config, "node1", Vault::with_key(Secret("0123456789abcdef0123456789abcdef")),
                                        clock, log);
    }
    std::string password_file(std::string const& text, mode_t mode = 0600) const {
        auto path = root / "password";
        std::ofstream(path) << text;
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        return path;
    }
};

int allowed(RateLimits& limits, int asked) {
    int out = 0;
    for (int i = 0; i < asked; ++i) out += limits.allow("billing") ? 1 : 0;
    return out;
}

TEST_CASE("without a cache in the configuration lists and limits are kept in memory") {
    Bed bed;
    auto const caches = bed.caches("");
    caches->answers().set("a", "1", 1min);
    CHECK(caches->answers().get("a") == "1");
    CHECK(allowed(caches->limits(), 50) >= 3);
    CHECK(allowed(caches->limits(), 50) < 10);
    CHECK(caches->redis() == nullptr);
}

TEST_CASE("with an unreachable Redis lists and limits are kept in memory") {
    std::string const where = GENERATE(as<std::string>(), "127.0.0.1:1025", "/nowhere/redis.sock");
    Bed bed;
    auto const caches = bed.caches("cache: {redis: \"" + where + "\"}");
    caches->answers().set("a", "1", 1min);
    CHECK(caches->answers().get("a") == "1");
    CHECK(allowed(caches->limits(), 50) >= 3);
    CHECK(allowed(caches->limits(), 50) < 10);
    REQUIRE(caches->redis() != nullptr);
    CHECK_FALSE(caches->redis()->up());
}

TEST_CASE("a second daemon with the same Redis finds what the first cached and counted") {
    Bed bed;
    RedisProcess redis;
    auto const yaml = "cache: {redis: " + redis.socket() + ", database: 3}";
    auto const up = [](Caches const& caches) { return eventually([&] { return caches.redis()->up(); }); };
    {
        auto const first = bed.caches(yaml);
        CHECK(up(*first));
        first->answers().set("a", "1", 1min);
        CHECK(allowed(first->limits(), 50) >= 3);
    }
    auto const second = bed.caches(yaml);
    CHECK(up(*second));
    CHECK(eventually([&] { return second->answers().get("a") == "1"; }));
    CHECK(allowed(second->limits(), 50) < 6);
    CHECK(redis.keys().empty());  // of database 0
}

TEST_CASE("the password of a Redis is read from a file that only root may read") {
    Bed bed;
    auto const yaml = [](std::string const& file) {
        return "cache: {redis: \"127.0.0.1:1025\", password_file: " + file + "}";
    };
    CHECK_NOTHROW(bed.caches(yaml(bed.password_file("MARKER-1\n"))));
    CHECK_THROWS_AS(bed.caches(yaml(bed.password_file("MARKER-1\n", 0644))), Fault);
    CHECK_THROWS_AS(bed.caches(yaml(bed.password_file("\n"))), Fault);
    CHECK_THROWS_AS(bed.caches(yaml(bed.root / "none")), Fault);
    for (auto const& line : bed.log.lines) CHECK(line.find("MARKER") == std::string::npos);
}

TEST_CASE("the address of a Redis is a path or an address of this server") {
    auto const fine = [](std::string const& where) {
        return read_config("cache: {redis: \"" + where + "\"}").has_value();
    };
    for (auto const* good : {"/run/redis/redis.sock", "127.0.0.1:6379", "[::1]:6379"}) CHECK(fine(good));
    for (auto const* bad : {"", "redis", "localhost:6379", "192.0.2.7:6379", "127.0.0.1", "127.0.0.1:80", "run/x.sock"})
        CHECK_FALSE(fine(bad));
    CHECK_FALSE(read_config("cache: {database: 1}").has_value());
    CHECK_FALSE(read_config("cache: {redis: /run/x.sock, nonsense: 1}").has_value());
}

}  // namespace
}  // namespace genesis
