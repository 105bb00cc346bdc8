// Webhooks to real receivers: signed, in order, retried until answered, independent of each other.
#include "reconciler/webhooks/webhooks.hpp"

#include "drivers/tls/self_signed.hpp"
#include "reconciler/api/auth/signing.hpp"
#include "reconciler/store/store_fixture.hpp"
#include "reconciler/webhooks/receiver_fixture.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/tmp_root.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

std::string const key_hex(64, 'a');
std::string const key_bytes(32, '\xaa');

WebhookTimeouts quick() {
    WebhookTimeouts out;
    out.first_pause = 5ms;
    out.longest_pause = 20ms;
    return out;
}

class Bench {
public:
    Bench() { write("key", key_hex + "\n", 0600); }
    void write(std::string const& name, std::string const& bytes, mode_t mode) const {
        std::ofstream(root / name) << bytes;
        REQUIRE(::chmod((root / name).c_str(), mode) == 0);
    }
    [[nodiscard]] Receiver receiver(std::string const& name, std::string const& url) const {
        Receiver out;
        out.name = ObjectName(name);
        out.url = Text<rules::webhook_url>(url);
        out.kid = Text<rules::key_id>("events-key");
        out.key_file = AbsolutePath(root / "key");
        out.audience = Line("billing:main");
        return out;
    }
    [[nodiscard]] Receiver receiver(std::string const& name, TestReceiver const& to) const {
        return receiver(name, "http://" + to.authority() + "/hook?from=genesis");
    }
    void start(std::vector<Receiver> const& receivers, WebhookTimeouts const& timeouts = quick()) {
        hooks.emplace(receivers, store.store(), store.clock, log, &metrics, timeouts);
    }
    void put(std::string const& name) { REQUIRE(genesis::put(store.store(), account(name)).has_value()); }
    // Waits until the cursor of the receiver has reached `seq`.
    void reach(std::string const& name, std::int64_t seq) {
        for (int i = 0; i < 3000 && store.store().cursor("webhook:" + name) < seq; ++i)
            std::this_thread::sleep_for(10ms);
        CHECK(store.store().cursor("webhook:" + name) == seq);
    }
    bool counted(std::string const& line) { return metrics.text().find(line) != std::string::npos; }
    bool logged(std::string const& part) {
        std::lock_guard const lock(log.mutex);
        return std::any_of(log.lines.begin(), log.lines.end(),
                           [&](auto const& line) { return line.find(part) != std::string::npos; });
    }

    TmpRoot root;
    StoreFixture store;
    ListLog log;
    Metrics metrics;
    std::optional<Webhooks> hooks;  // last: it ends before what it uses
};

std::vector<std::int64_t> numbers(std::vector<Delivery> const& deliveries) {
    std::vector<std::int64_t> out;
    for (auto const& d : deliveries) out.push_back(d.seq());
    return out;
}

// An event log with fixed events of account/acme and a cursor at 7.
struct ShortTrail final : Trail {
    std::vector<AuditEntry> audit(std::int64_t, std::size_t) override { return {}; }
    std::vector<Event> events(std::int64_t after, std::size_t) override {
        if (before_read) before_read();
        std::vector<Event> out;
        for (auto const seq : kept) {
            if (seq <= after) continue;
            Event e;
            e.seq = seq;
            e.type = "object.ready";
            e.object = {"account", "acme"};
            out.push_back(e);
        }
        if (after_read) after_read();
        return out;
    }
    Range event_range() override { return {pruned, 41}; }
    Signal::Subscription on_events(std::function<void()> listener) override {
        return fan.listen(std::move(listener));
    }
    std::int64_t cursor(std::string const&) override { return at; }
    void set_cursor(std::string const&, std::int64_t seq) override { at = seq; }

    std::vector<std::int64_t> kept;
    std::atomic<std::int64_t> pruned = 0, at = 7;
    std::function<void()> before_read, after_read;  // called on the reading thread
    Signal fan;
};

}  // namespace

TEST_CASE("an event is posted to the receiver, whole, and its signature verifies") {
    Bench bench;
    TestReceiver receiver;
    bench.start({bench.receiver("billing", receiver)});
    bench.put("acme");
    auto const deliveries = receiver.wait_for(1);
    REQUIRE(deliveries.size() == 1);
    auto const& d = deliveries.front();
    CHECK(d.method == "POST");
    CHECK(d.target == "/hook?from=genesis");
    CHECK(d.type == "application/json");
    CHECK(d.host == receiver.authority());
    CHECK(d.event == "1");
    auto const body = json::parse(d.body).as_object();
    CHECK(body.at("seq") == 1);
    CHECK(body.at("type") == "object.created");
    CHECK(body.at("object") == "account/acme");
    CHECK(body.at("generation") == 1);
    auto const said = parse_authorization(d.authorization);
    REQUIRE(said.has_value());
    CHECK(said->kid == "events-key");
    CHECK(said->ts == 1'800'000'000);
    auto const text = string_to_sign(said->kid, said->ts, said->nonce, "POST", "billing:main", d.target,
                                     "application/json", "", d.body);
    CHECK(verifies(Secret(key_bytes), text, said->sig));
    CHECK_FALSE(verifies(Secret(key_bytes), text + " ", said->sig));
    bench.reach("billing", 1);
    CHECK(bench.counted(R"(genesis_webhook_deliveries_total{outcome="answered",receiver="billing"} 1)"));
    CHECK(bench.counted(R"(genesis_webhook_lag_events{receiver="billing"} 0)"));
}

TEST_CASE("an event is sent until it is answered with 2xx, with a new signature each time, and the next one waits") {
    Bench bench;
    std::atomic<int> asked = 0;
    TestReceiver elsewhere;
    TestReceiver receiver([&](Delivery const&) -> std::optional<std::string> {
        switch (++asked) {
            case 1:
                return TestReceiver::status(500);
            case 2:
                return TestReceiver::status(302, "Location: http://" + elsewhere.authority() + "/hook\r\n");
            case 3:
                return std::nullopt;
            case 4:
                return "HTTP/1.1 200 OK\r\nX: " + std::string(20000, 'x') + "\r\n\r\n";
            case 5:
                return "this is not HTTP\r\n\r\n";
            default:
                return TestReceiver::status(200);
        }
    });
    bench.put("acme");
    bench.put("other");
    bench.start({bench.receiver("billing", receiver)});
    auto const deliveries = receiver.wait_for(7);
    CHECK(numbers(deliveries) == std::vector<std::int64_t>{1, 1, 1, 1, 1, 1, 2});
    CHECK(deliveries[0].authorization != deliveries[1].authorization);
    bench.reach("billing", 2);
    CHECK(elsewhere.wait_for(0).empty());
    // Four: a kept connection that ends without an answer is replaced at once.
    CHECK(bench.counted(R"(genesis_webhook_deliveries_total{outcome="failed",receiver="billing"} 4)"));
    CHECK(bench.counted(R"(genesis_webhook_deliveries_total{outcome="answered",receiver="billing"} 2)"));
    CHECK(bench.logged("answered 500"));
    CHECK(bench.logged("answered 302"));
}

TEST_CASE("a 2xx counts however long its body is, and the body is not kept") {
    Bench bench;
    TestReceiver receiver([](Delivery const&) {
        return "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n" + std::string(200000, 'x');
    });
    bench.put("acme");
    bench.put("other");
    bench.start({bench.receiver("billing", receiver)});
    CHECK(numbers(receiver.wait_for(2)) == std::vector<std::int64_t>{1, 2});
    bench.reach("billing", 2);
}

TEST_CASE("receivers that are gone or never answer delay neither others nor the end of the daemon") {
    Bench bench;
    std::string closed;
    {
        TestReceiver const gone;
        closed = gone.authority();
    }
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor const silent(
        io, boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0));
    auto const deaf = "127.0.0.1:" + std::to_string(silent.local_endpoint().port());
    TestReceiver receiver;
    bench.start({bench.receiver("gone", "http://" + closed + "/"), bench.receiver("deaf", "http://" + deaf + "/"),
                 bench.receiver("billing", receiver)});
    for (auto const* name : {"acme", "other", "third"}) bench.put(name);
    CHECK(numbers(receiver.wait_for(3)) == std::vector<std::int64_t>{1, 2, 3});
    bench.reach("billing", 3);
    bench.hooks.reset();  // with an unanswered delivery under way
    CHECK(bench.store.store().cursor("webhook:gone") == 0);
    CHECK(bench.store.store().cursor("webhook:deaf") == 0);
    CHECK(bench.logged("cannot be connected to"));
}

TEST_CASE("at the end all dispatchers are stopped before any is waited for") {
    Bench bench;
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor silent(
        io, boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0));
    auto const url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/";
    std::mutex mutex;
    std::condition_variable came;
    int gave_up = 0;
    std::atomic<bool> alone = false;
    bench.log.on_line = [&] {  // neither ends before the other has failed its delivery
        std::unique_lock lock(mutex);
        ++gave_up;
        came.notify_all();
        if (!came.wait_for(lock, 10s, [&] { return gave_up >= 2; })) alone = true;
    };
    bench.put("acme");
    auto timeouts = quick();
    timeouts.post.answer = 600s;
    bench.start({bench.receiver("one", url), bench.receiver("two", url)}, timeouts);
    auto const first = silent.accept(), second = silent.accept();
    bench.hooks.reset();
    CHECK(gave_up == 2);
    CHECK_FALSE(alone);
}

TEST_CASE("a receiver that answers too late gets the event again") {
    Bench bench;
    std::atomic<int> asked = 0;
    TestReceiver receiver([&](Delivery const&) -> std::optional<std::string> {
        if (++asked == 1) return "HTTP/1.1 200 OK\r\n";  // and never the rest
        return TestReceiver::status(200);
    });
    auto timeouts = quick();
    timeouts.post.answer = 50ms;
    bench.start({bench.receiver("billing", receiver)}, timeouts);
    bench.put("acme");
    auto const deliveries = numbers(receiver.wait_for(2));
    REQUIRE(deliveries.size() >= 2);
    CHECK(std::all_of(deliveries.begin(), deliveries.end(), [](auto seq) { return seq == 1; }));
    bench.reach("billing", 1);
    CHECK(bench.logged("timed out"));
}

TEST_CASE("after a restart delivery continues without a gap, and only unanswered events are sent twice") {
    Bench bench;
    std::atomic<bool> answering = true;
    TestReceiver receiver([&](Delivery const&) -> std::optional<std::string> {
        return answering ? std::optional(TestReceiver::status(200)) : std::nullopt;
    });
    auto const billing = bench.receiver("billing", receiver);
    bench.start({billing});
    bench.put("one");
    bench.put("two");
    bench.reach("billing", 2);
    auto slow = quick();
    slow.first_pause = 60s;  // so that there is one attempt before the restart
    bench.hooks.reset();
    answering = false;
    bench.put("three");
    bench.start({billing}, slow);
    REQUIRE(receiver.wait_for(3).size() == 3);
    bench.hooks.reset();
    bench.store.reopen();
    bench.put("four");
    answering = true;
    bench.start({billing});
    CHECK(numbers(receiver.wait_for(5)) == std::vector<std::int64_t>{1, 2, 3, 3, 4});
    bench.reach("billing", 4);
}

TEST_CASE("a receiver gets only its types and kinds, and its cursor passes the others") {
    Bench bench;
    TestReceiver changes, packages;
    auto of_changes = bench.receiver("changes", changes);
    of_changes.events = {Text<rules::event_type>("object.changed")};
    auto of_packages = bench.receiver("packages", packages);
    of_packages.kinds = {ObjectName("package")};
    bench.start({of_changes, of_packages});
    bench.put("acme");
    REQUIRE(put(bench.store.store(), spec_of(R"({"kind": "package", "name": "starter"})")).has_value());
    REQUIRE(put(bench.store.store(), account("acme", R"("contact": "a@b.example")")).has_value());
    CHECK(numbers(changes.wait_for(1)) == std::vector<std::int64_t>{3});
    CHECK(numbers(packages.wait_for(1)) == std::vector<std::int64_t>{2});
    bench.reach("changes", 3);
    bench.reach("packages", 3);
}

TEST_CASE("over TLS a receiver without a valid certificate for its name gets nothing") {
    Bench bench;
    auto const now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    auto const good = make_self_signed({"localhost"}, now, std::chrono::days(2));
    auto const other = make_self_signed({"other.example"}, now, std::chrono::days(2));
    bench.write("good.pem", good.chain, 0644);
    bench.write("other.pem", other.chain, 0644);
    auto const yes = [](Delivery const&) { return TestReceiver::status(200); };
    TestReceiver right(yes, std::pair(good.chain, good.key)), wrong_name(yes, std::pair(other.chain, other.key)),
        unknown(yes, std::pair(good.chain, good.key));
    auto const of = [&](std::string const& name, TestReceiver const& to, std::optional<std::string> const& ca) {
        auto out = bench.receiver(name, "https://localhost:" + std::to_string(to.port()) + "/hook");
        if (ca) out.ca_file = AbsolutePath(bench.root / *ca);
        return out;
    };
    bench.start({of("right", right, "good.pem"), of("wrong-name", wrong_name, "other.pem"),
                 of("unknown", unknown, std::nullopt)});
    bench.put("acme");
    CHECK(right.wait_for(1).size() == 1);
    bench.reach("right", 1);
    for (int i = 0; i < 3000; ++i) {
        if (bench.counted(R"(outcome="failed",receiver="wrong-name"} )") &&
            bench.counted(R"(outcome="failed",receiver="unknown"} )"))
            break;
        std::this_thread::sleep_for(10ms);
    }
    CHECK(wrong_name.wait_for(0).empty());
    CHECK(unknown.wait_for(0).empty());
    CHECK(bench.counted(R"(outcome="failed",receiver="wrong-name"} )"));
    CHECK(bench.counted(R"(outcome="failed",receiver="unknown"} )"));
    CHECK(bench.logged("certificate is not valid"));
}

TEST_CASE("a key file that others may read is not used, and a repaired one is used without a restart") {
    Bench bench;
    bench.write("key", key_hex, 0644);
    TestReceiver receiver;
    bench.start({bench.receiver("billing", receiver)});
    bench.put("acme");
    for (int i = 0; i < 3000 && !bench.logged("readable by nobody else"); ++i) std::this_thread::sleep_for(10ms);
    CHECK(bench.logged("readable by nobody else"));
    CHECK(receiver.wait_for(0).empty());
    bench.write("key", "not a key", 0600);
    for (int i = 0; i < 3000 && !bench.logged("must hold 64 hex"); ++i) std::this_thread::sleep_for(10ms);
    CHECK(bench.logged("must hold 64 hex"));
    bench.write("key", key_hex, 0600);
    CHECK(receiver.wait_for(1).size() == 1);
    CHECK_FALSE(bench.logged(key_hex));
}

TEST_CASE("events that are no longer kept are skipped and counted, also if they are pruned just before they are read") {
    ShortTrail trail;
    trail.kept = {41};
    SECTION("long ago") { trail.pruned = 40; }
    SECTION("just now") {
        trail.before_read = [&] { trail.pruned = 40; };
    }
    Bench bench;
    TestReceiver receiver;
    Webhooks const hooks({bench.receiver("billing", receiver)}, trail, bench.store.clock, bench.log, &bench.metrics,
                         quick());
    CHECK(numbers(receiver.wait_for(1)) == std::vector<std::int64_t>{41});
    CHECK(bench.counted(R"(genesis_webhook_skipped_total{receiver="billing"} 33)"));
    CHECK(bench.logged("events=33"));
}

TEST_CASE("events that are pruned just after they were read are delivered and not counted") {
    ShortTrail trail;
    trail.kept = {8, 9};
    trail.after_read = [&] { trail.pruned = 9; };
    Bench bench;
    TestReceiver receiver;
    Webhooks const hooks({bench.receiver("billing", receiver)}, trail, bench.store.clock, bench.log, &bench.metrics,
                         quick());
    CHECK(numbers(receiver.wait_for(2)) == std::vector<std::int64_t>{8, 9});
    CHECK_FALSE(bench.logged("missed events"));
}

TEST_CASE("a receiver continues after the pruned events if nothing is kept") {
    ShortTrail trail;
    trail.pruned = 40;
    Bench bench;
    TestReceiver receiver;
    Webhooks const hooks({bench.receiver("billing", receiver)}, trail, bench.store.clock, bench.log, &bench.metrics,
                         quick());
    for (int i = 0; i < 3000 && trail.at < 40; ++i) std::this_thread::sleep_for(10ms);
    CHECK(trail.at == 40);
    CHECK(bench.logged("events=33"));
}
