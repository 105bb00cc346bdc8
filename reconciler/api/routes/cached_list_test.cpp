// Several API processes on one store with a shared cache: no answer is stale, and a failing Redis fails no request.
#include "reconciler/api/auth/auth_fixture.hpp"
#include "reconciler/api/routes/handlers.hpp"
#include "reconciler/cache/layered_cache.hpp"
#include "reconciler/cache/memory_cache.hpp"
#include "reconciler/cache/redis_cache.hpp"
#include "reconciler/cache/redis_fixture.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

using namespace std::chrono_literals;

// One API process, wired as in the daemon, with its own connections to the shared file and Redis.
class Process {
public:
    Process(StoreFixture const& site, RedisServer redis, SharedBuckets::Size limit = {0, 1})
        : clock_(site.clock),
          redis_(std::move(redis), "node1", Vault::with_key(Secret(StoreFixture::key())), clock_, log_),
          store_(site.path(), "node1", Vault::with_key(Secret(StoreFixture::key())), clock_, server_ranges()),
          limits_(clock_, limit, redis_) {
        engine.version = "stored";
        ApiSettings settings;
        settings.node = "node1";
        service_.emplace(Service{store_, store_, store_, store_, admission_, engine, settings, log_, clock_, nullptr,
                                 nullptr, &layers_});
        if (!eventually([&] { return redis_.up(); })) throw Fault("no Redis");
    }

    Answer send(Request const& request, Connection const& from) {
        auto const& who = from.peer ? static_cast<Authenticator const&>(peers_) : signed_;
        auto out = dispatch_and_wait(*service_, who, request, from).answer;
        if (out.text.empty()) out.text = json::serialize(out.body) + "\n";
        return out;
    }
    Answer send(Request const& request) { return send(request, {std::nullopt, "192.0.2.7"}); }
    std::string text(std::string const& target) {
        auto out = send({"GET", target, {}, "", "req"}, {Peer{0, 0, {}, 1}, "local"});
        if (out.status != 200) throw Fault("answered " + std::to_string(out.status));
        return out.text;
    }
    // The list without a cache.
    std::string made(std::string const& target) {
        auto* const cache = std::exchange(service_->cache, nullptr);
        auto out = text(target);
        service_->cache = cache;
        return out;
    }
    // Whether it was answered without reading an object.
    bool found(std::string const& target) {
        auto const before = engine.status_calls.load();
        (void)text(target);
        return engine.status_calls == before;
    }
    SqliteStore& store() { return store_; }
    RedisCache& redis() { return redis_; }
    Service& service() { return *service_; }
    FakeEngine engine;

private:
    TestClock const& clock_;
    NoLog log_;
    RedisCache redis_;
    MemoryCache memory_{1 << 20, clock_};
    LayeredCache layers_{memory_, redis_};
    SqliteStore store_;
    NothingReserved reserved_;
    Admission admission_{store_, reserved_};
    KeyRing ring_{store_};
    SharedLimits limits_;
    SignedRequests signed_{ring_, clock_, "node:node1", limits_};
    PeerCredentials peers_{std::nullopt};
    std::optional<Service> service_;
};

struct Site : AuthFixture {
    RedisProcess redis;
    std::unique_ptr<Process> process(SharedBuckets::Size limit = {0, 1}) {
        return std::make_unique<Process>(*this, redis.address(), limit);
    }
};

std::string const all = "/v1/accounts", first = "/v1/accounts?limit=1", unready = "/v1/accounts?ready=false";

TEST_CASE("a list is made by one of two processes and found by both, identical to the uncached one") {
    Site site;
    put(site.store(),
        account("acme", R"("databases": [{"name": "d", "users": [{"name": "u", "password": "MARKER-1"}]}])"));
    auto const one = site.process(), two = site.process();
    for (auto const& target : {all, first, unready}) {
        auto const text = one->text(target);
        CHECK(text.find("acme") != std::string::npos);
        CHECK(text.find("MARKER") == std::string::npos);
        CHECK(one->found(target));
        CHECK(eventually([&] { return two->found(target); }));  // it is sent to Redis in the background
        CHECK(two->text(target) == text);
        CHECK(two->made(target) == text);
    }
    CHECK(one->text(all) != one->text("/v1/packages"));
    for (auto const& key : site.redis.keys()) {
        CHECK(site.redis.read(key).find("acme") == std::string::npos);
        CHECK(key.find("acme") == std::string::npos);
    }
}

// Every way an object can change.
std::vector<std::function<void(Objects&)>> changes() {
    static Ref const acme{"account", "acme"};
    return {
        [](Objects& s) { put(s, account("acme")).value(); },
        [](Objects& s) { put(s, account("acme", R"("contact": "a@b.example")")).value(); },
        [](Objects& s) { s.set_paused(acme, true).value(); },
        [](Objects& s) { s.set_adopt(acme, true).value(); },
        [](Objects& s) { s.confirm_removals(acme).value(); },
        [](Objects& s) {
            s.set_status(
                acme, 1,
                {{ConditionType::ready, Truth::no, ConditionReason::converging, "1 of 2 records differ", 1, ""}});
        },
        [](Objects& s) {
            s.set_status(
                acme, 1,
                {{ConditionType::ready, Truth::no, ConditionReason::converging, "2 of 2 records differ", 1, ""}});
        },
        [](Objects& s) { s.set_source(acme, "file:acme.yaml").value(); },
        [](Objects& s) { s.remove(acme, std::nullopt, "file:acme.yaml").value(); },
        [](Objects& s) { s.remove(acme, true, "file:acme.yaml").value(); },
        [](Objects& s) { s.forget(acme); },
    };
}

TEST_CASE("every change of an object, through any process, is visible at once in all lists of all processes") {
    Site site;
    auto const one = site.process(), two = site.process();
    put(site.store(), account("beta"));
    auto version = site.store().version();
    bool through_one = true;
    for (auto const& change : changes()) {
        for (auto const& target : {all, first, unready}) (void)one->text(target), (void)two->text(target);
        change((through_one ? one : two)->store());
        through_one = !through_one;
        for (auto const& target : {all, first, unready})
            for (auto* process : {one.get(), two.get()}) CHECK(process->text(target) == process->made(target));
        CHECK(one->store().version() > version);
        version = two->store().version();
    }
    CHECK(one->text(all).find("acme") == std::string::npos);
}

TEST_CASE("writes that change no object leave the version alone: a signed read, a key") {
    Site site;
    auto const one = site.process();
    auto const key = site.add("billing", {"read"});
    put(site.store(), account("acme"));
    auto const version = site.store().version();
    CHECK(one->send(site.signed_by(key, "GET", all)).status == 200);
    CHECK(one->send(site.signed_by(key, "GET", "/v1/accounts/acme")).status == 200);
    site.add("other", {"read"});
    put(site.store(), account("acme"));  // unchanged
    CHECK(site.store().version() == version);
    CHECK(one->found(all));
}

TEST_CASE("an acknowledged write is in every later list, also under concurrent reads") {
    Site site;
    auto const one = site.process(), two = site.process();
    int stale = 0;
    auto const generation_in = [](std::string const& text) {
        auto const list = parse_json(text).value();
        auto const& items = list.at("items").as_array();
        return items.empty() ? 0 : items.at(0).at("generation").as_int64();
    };
    std::vector<std::jthread> readers;
    for (auto* process : {one.get(), two.get(), one.get(), two.get()})
        readers.emplace_back([process](std::stop_token const& over) {
            while (!over.stop_requested()) (void)process->text(all);
        });
    for (int i = 1; i <= 150; ++i) {
        auto const spec = account("acme", R"("contact": "a)" + std::to_string(i) + R"(@b.example")");
        auto const written = put((i % 2 == 0 ? one : two)->store(), spec).value();
        for (auto* process : {one.get(), two.get()}) stale += generation_in(process->text(all)) < written.generation;
    }
    CHECK(stale == 0);
}

TEST_CASE("changes of a status that only one process has are visible there, and not in lists of other processes") {
    Site site;
    put(site.store(), account("acme"));
    auto const loop = site.process(), other = site.process();
    loop->engine.version = "run.1";
    loop->engine.ready["account/acme"] = Truth::no;
    auto const before = loop->text(all);
    CHECK(loop->found(all));
    CHECK(other->text(all) == other->made(all));
    CHECK(other->text(all) != before);
    loop->engine.ready["account/acme"] = Truth::yes;
    loop->engine.version = "run.2";
    CHECK(loop->text(all) == loop->made(all));
    CHECK(loop->text(all) != before);
    CHECK(loop->text("/v1/accounts?ready=true").find("acme") != std::string::npos);
    loop->engine.version.reset();  // unknown version: nothing is cached
    CHECK_FALSE(loop->found(all));
    CHECK_FALSE(loop->found(all));
}

TEST_CASE("authentication, nonce, scopes and limits come before the cache") {
    Site site;
    put(site.store(), account("acme"));
    auto const one = site.process({1, 5}), two = site.process({1, 5});
    auto const reader = site.add("reader", {"read"}), writer = site.add("writer", {"account:write"}),
               busy = site.add("busy", {"read"});
    auto const request = site.signed_by(reader, "GET", all);
    CHECK(one->send(request).status == 200);
    CHECK(one->found(all));
    CHECK(one->send(request).status == 401);  // a replay, here and in the other process
    CHECK(two->send(request).status == 401);
    CHECK(one->send(site.signed_by(writer, "GET", all)).status == 403);
    CHECK(one->send({"GET", all, {}, "", "req"}).status == 401);
    CHECK(one->send(site.signed_by({"reader", new_key_secret()}, "GET", all)).status == 401);
    std::map<int, int> statuses;
    for (int i = 0; i < 12; ++i) ++statuses[one->send(site.signed_by(busy, "GET", all)).status];
    CHECK(statuses[429] >= 5);
    CHECK(statuses[200] + statuses[429] == 12);
    site.store().revoke_key("reader", {});
    CHECK(eventually([&] { return one->send(site.signed_by(reader, "GET", all)).status == 401; }));
    CHECK(one->found(all));
}

TEST_CASE("a limit is shared by all processes, and per process without a Redis") {
    Site site;
    auto const one = site.process({1, 40}), two = site.process({1, 40});
    auto const key = site.add("billing", {"read"}), later = site.add("later", {"read"});
    auto const allowed = [&](Signer const& by) {
        auto const started = std::chrono::steady_clock::now();
        int out = 0, alone = 0;  // a loaded machine may miss a deadline; a process then counts by itself
        for (int i = 0; i < 60; ++i)
            for (auto* process : {one.get(), two.get()}) {
                auto const status = process->send(site.signed_by(by, "GET", all)).status;
                CHECK((status == 200 || status == 429));
                out += status == 200;
                alone += !process->redis().up();
            }
        auto const passed = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - started);
        return std::tuple(out, static_cast<int>(passed.count()), alone);
    };
    auto const [together, seconds, alone] = allowed(key);
    CHECK(together >= 40);
    CHECK(together <= 40 + seconds + alone + 40 / 4);
    site.redis.kill();
    auto const [apart, more, by_themselves] = allowed(later);
    CHECK(by_themselves == 120);
    CHECK(apart >= 80);
    CHECK(apart <= 80 + 2 * more);
}

struct Bothered : Site {
    std::unique_ptr<Process> one, two;
    Signer key;
    Bothered() {
        put(store(), account("acme"));
        one = process({1000000, 1000000});
        two = process({1000000, 1000000});
        key = add("billing", {"read", "account:write"});
    }
    // Writes through one process, reads through both, and each answer is right.
    void work(int round) {
        auto const contact = "c" + std::to_string(round) + "@b.example";
        auto const spec = R"({"contact": ")" + contact + "\"}";
        CHECK(one->send(signed_by(key, "PUT", "/v1/accounts/acme", spec)).status == 202);
        for (auto* process : {one.get(), two.get(), one.get(), two.get()}) {
            auto const said = process->send(signed_by(key, "GET", all));
            CHECK(said.status == 200);
            CHECK(said.text.find(contact) != std::string::npos);
            CHECK(said.text == process->made(all));
        }
    }
};

TEST_CASE("every request is answered correctly while Redis is killed, stopped, poisoned and back again") {
    Bothered site;
    int round = 0;
    site.work(++round);
    site.redis.kill();
    site.work(++round);
    site.redis.start();
    CHECK(eventually([&] { return site.one->redis().up() && site.two->redis().up(); }));
    site.work(++round);
    site.redis.signal(SIGSTOP);
    site.work(++round);
    site.redis.signal(SIGCONT);
    CHECK(eventually([&] { return site.one->redis().up() && site.two->redis().up(); }));
    (void)site.one->text(all);
    CHECK(eventually([&] { return !site.redis.keys().empty(); }));
    for (auto const& bad : {std::string("{\"items\": []}"), std::string(), site.redis.read(site.redis.keys().front())})
        for (auto const& name : site.redis.keys()) site.redis.write(name, bad);
    auto const fresh = site.process();
    CHECK(fresh->text(all) == fresh->made(all));
    CHECK_FALSE(fresh->text(all).empty());
    site.work(++round);
    for (auto const& name : site.redis.keys()) site.redis.write_list(name);
    site.work(++round);
}

TEST_CASE("a stopped Redis costs one request at most 50 ms, and later ones nothing") {
    Bothered site;
    using Took = std::chrono::duration<double, std::milli>;
    auto const timed = [&](auto const& what) {
        auto const started = std::chrono::steady_clock::now();
        what();
        return Took(std::chrono::steady_clock::now() - started).count();
    };
    auto const ask = [&] { CHECK(site.one->send(site.signed_by(site.key, "GET", all)).status == 200); };
    double extra = 1e9, after = 1e9;
    for (int round = 0; round < 50 && (extra > 50 || after > 25); ++round) {  // a loaded machine may oversleep
        CHECK(eventually([&] { return site.one->redis().up(); }));
        put(site.store(), account("acme", R"("contact": "r)" + std::to_string(round) + R"(@b.example")"));
        auto const usual = timed(ask);
        put(site.store(), account("acme", R"("contact": "s)" + std::to_string(round) + R"(@b.example")"));
        site.redis.signal(SIGSTOP);
        extra = std::min(extra, timed(ask) - usual);
        CHECK_FALSE(site.one->redis().up());
        after = std::min(after, timed(ask) - usual);
        site.redis.signal(SIGCONT);
    }
    CHECK(extra <= 50);
    CHECK(after <= 25);
}

}  // namespace
}  // namespace genesis
