// Event streams: no event is missed or sent twice, and a stream costs other clients nothing.
#include "reconciler/api/http/api_fixture.hpp"
#include "reconciler/api/http/event_stream.hpp"
#include "reconciler/api/routes/dispatch.hpp"

#include <poll.h>

#include <catch2/catch.hpp>

#include <list>
#include <thread>

namespace genesis {
namespace {

// A client of the event stream; each call takes the next event.
// Throws, because Catch2 assertions are not thread-safe.
void must_hold(std::string const& block, std::string const& line) {
    if (block.find(line) == std::string::npos) throw std::runtime_error("no line " + line + "in " + block);
}

struct Follower {
    Follower(std::string const& socket, std::string const& target, std::string const& headers = "") : wire(socket) {
        wire.send("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
        head = wire.receive_head();
        hold_head("GET", target, head.status, head.type());
    }
    json::object next() {
        for (auto block = wire.until("\n\n"); !block.empty(); block = wire.until("\n\n")) {
            auto const at = block.find("data: ");
            if (at == std::string::npos) continue;
            auto out = parse_json(block.substr(at + 6)).value().as_object();
            hold("GET", "/v1/events", head.status, head.type(), out);
            must_hold(block, "id: " + std::to_string(out.at("seq").as_int64()) + "\n");
            must_hold(block, "event: " + std::string(out.at("type").as_string()) + "\n");
            return out;
        }
        return {};
    }
    std::int64_t next_seq() {
        auto const event = next();
        return event.empty() ? 0 : event.at("seq").as_int64();
    }
    Wire wire;
    Reply head;
};

std::string name(int i) { return "acme" + std::to_string(i); }

// An event log with fixed content.
struct TestTrail final : Trail {
    std::int64_t newest = 10, oldest = 6;
    bool endless = false;
    std::vector<AuditEntry> audit(std::int64_t, std::size_t) override { return {}; }
    std::vector<Event> events(std::int64_t after, std::size_t limit) override {
        std::vector<Event> out;
        for (auto seq = std::max(after + 1, oldest); out.size() < limit && (endless || seq <= newest); ++seq)
            out.push_back({seq, Time(std::chrono::seconds(1)), "object.changed", {"account", "acme"}, 1, "", ""});
        return out;
    }
    Range event_range() override { return {oldest - 1, newest}; }
    Signal::Subscription on_events(std::function<void()>) override { return {}; }
    std::int64_t cursor(std::string const&) override { return 0; }
    void set_cursor(std::string const&, std::int64_t) override {}
};

Answer asked(ApiFixture& f, Trail& trail, std::string const& target, std::string const& last = "") {
    Request request{"GET", target, {}, "", ""};
    if (!last.empty()) request.headers["last-event-id"] = last;
    return hold("GET", target, dispatch_and_wait(f.service(trail), Anybody(), request, {}).answer);
}

TEST_CASE("a stream has the past events, then new ones, in order and with their numbers") {
    ApiFixture f;
    f.ask("PUT", "/v1/accounts/acme", "{}");
    Follower follower(f.socket(), "/v1/events?after=0");
    CHECK(follower.head.status == 200);
    CHECK(follower.head.has("Content-Type: text/event-stream"));
    CHECK(follower.head.has("X-Request-Id: "));
    CHECK(follower.head.has("Connection: close"));
    auto const first = follower.next();
    CHECK(first.at("type") == "object.created");
    CHECK(first.at("object") == "account/acme");
    auto const reply = f.ask("PUT", "/v1/accounts/acme", R"({"contact": "a@b.example"})");
    auto const second = follower.next();
    CHECK(second.at("generation") == 2);
    CHECK(second.at("seq").as_int64() > first.at("seq").as_int64());
    CHECK(reply.has("X-Request-Id: " + std::string(second.at("request").as_string())));
}

TEST_CASE("without a number a stream has only new events") {
    ApiFixture f;
    f.ask("PUT", "/v1/accounts/former", "{}");
    Follower follower(f.socket(), "/v1/events");
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK(follower.next().at("object") == "account/acme");
}

TEST_CASE("no event is missed or sent twice across reconnects and restarts") {
    ApiFixture f;
    std::vector<std::int64_t> seen{0};
    auto const follow_to = [&](std::size_t count) {
        Follower follower(f.socket(), "/v1/events?after=0", "Last-Event-ID: " + std::to_string(seen.back()) + "\r\n");
        while (seen.size() <= count) seen.push_back(follower.next_seq());
    };
    int made = 0;
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 130; ++i) f.ask("PUT", "/v1/accounts/" + name(made++), "{}");
        follow_to(static_cast<std::size_t>(made) - 60);
        f.restart();
        follow_to(static_cast<std::size_t>(made) - 10);
    }
    follow_to(static_cast<std::size_t>(made));
    std::vector<std::int64_t> stored{0};
    for (auto const& event : f.store().events(0, 10000)) stored.push_back(event.seq);
    CHECK(stored.size() == static_cast<std::size_t>(made) + 1);
    CHECK(seen == stored);
}

TEST_CASE("ten streams have the same five hundred events while ten clients write") {
    ApiFixture f;
    std::vector<std::vector<std::int64_t>> seen(10);
    std::vector<std::thread> threads;
    for (auto& one : seen)
        threads.emplace_back([&f, &one] {
            Follower follower(f.socket(), "/v1/events?after=0");
            while (one.size() < 500 && (one.empty() || one.back() != 0)) one.push_back(follower.next_seq());
        });
    for (int c = 0; c < 10; ++c)
        threads.emplace_back([&f, c] {
            Wire wire(f.socket());
            for (int i = 0; i < 50; ++i) wire.ask("PUT", "/v1/accounts/" + name(c * 100 + i), "{}");
        });
    for (auto& thread : threads) thread.join();
    std::vector<std::int64_t> stored;
    for (auto const& event : f.store().events(0, 10000)) stored.push_back(event.seq);
    for (auto const& one : seen) CHECK(one == stored);
}

TEST_CASE("a stream can be of one kind, and its number advances past other events") {
    Deadlines soon;
    soon.heartbeat = std::chrono::milliseconds(20);
    ApiFixture f(soon);
    Follower packages(f.socket(), "/v1/events?after=0&kind=package");
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK_FALSE(packages.wire.until("id: 1\n").empty());
    f.ask("PUT", "/v1/packages/starter", "{}");
    CHECK(packages.next().at("object") == "package/starter");
    CHECK(f.ask("GET", "/v1/events?kind=nonsense").status == 400);
    CHECK(f.ask("GET", "/v1/events?kind=accounts").status == 400);
}

TEST_CASE("a number that is no longer kept, or was never given, is 410 with the oldest that is kept") {
    ApiFixture f;
    TestTrail trail;
    auto const gone = asked(f, trail, "/v1/events?after=4");
    CHECK(gone.status == 410);
    CHECK(gone.body.at("code") == "events_pruned");
    CHECK(gone.body.at("oldest") == 6);
    CHECK(asked(f, trail, "/v1/events?after=5").events_after == 5);
    CHECK(asked(f, trail, "/v1/events?after=0", "7").events_after == 7);
    CHECK(asked(f, trail, "/v1/events?after=7", "0").status == 410);
    CHECK(asked(f, trail, "/v1/events").events_after == 10);
    CHECK(asked(f, trail, "/v1/events?after=10").events_after == 10);
    CHECK(asked(f, trail, "/v1/events?after=11").status == 410);  // of a store that was restored since
    for (auto const* bad : {"x", "-1", "1 ", "99999999999999999999"})
        CHECK(asked(f, trail, "/v1/events", bad).status == 400);
    CHECK(asked(f, trail, "/v1/events?after=-1").status == 400);
}

TEST_CASE("a stream that falls behind the kept events is closed instead of leaving a gap") {
    TestTrail trail;
    CHECK_FALSE(next_events(trail, 5, "").incomplete);
    CHECK(next_events(trail, 4, "").incomplete);
}

TEST_CASE("a stream without events sends a comment now and then") {
    Deadlines soon;
    soon.heartbeat = std::chrono::milliseconds(20);
    ApiFixture f(soon);
    Follower follower(f.socket(), "/v1/events");
    for (int i = 0; i < 3; ++i) CHECK(follower.wire.until("\n\n") == ":\n\n");
}

TEST_CASE("a stream whose client does not read is closed") {
    Deadlines soon;
    soon.answer = std::chrono::milliseconds(100);
    Anybody anybody;
    ApiFixture f(soon);
    TestTrail trail;
    trail.endless = true;
    ApiServer server(f.service(trail), soon);
    auto const path = f.directory() + "/events.sock";
    server.serve({host::listen_unix(path, ::getegid()).release(), &anybody});
    Wire wire(path);
    wire.send("GET /v1/events?after=5 HTTP/1.1\r\nHost: x\r\n\r\n");
    pollfd cut{wire.fd(), POLLRDHUP, 0};
    CHECK(::poll(&cut, 1, 30000) == 1);
}

// A key that expires, and a hook that runs when it is authenticated.
struct Ending final : Authenticator {
    std::optional<Time> until{};
    std::function<void()> meanwhile = [] {};
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const&,
                                                                       Connection const&) const override {
        meanwhile();
        Identity who{"key test"};
        who.until = until;
        return who;
    }
};

std::string door_of(ApiFixture& f, Authenticator const& who) {
    auto path = f.directory() + "/events.sock";
    f.server->serve({host::listen_unix(path, ::getegid()).release(), &who, nullptr, "", {512, 512}});
    return path;
}

ApiKey key_of(std::string kid) {
    ApiKey key;
    key.kid = std::move(kid);
    key.secret = Secret(std::string(32, 'k'));
    key.scopes = {"read"};
    return key;
}

TEST_CASE("a stream ends with its key, and if keys changed while it was being opened") {
    Deadlines soon;
    soon.trust = std::chrono::milliseconds(20);
    Ending ending;
    ApiFixture f(soon);
    auto const path = door_of(f, ending);
    ending.until = f.clock.now() + std::chrono::hours(1);
    Follower follower(path, "/v1/events?after=0");
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK(follower.next_seq() == 1);
    f.clock.milliseconds += 3600LL * 1000;
    CHECK(follower.wire.ended());
    ending.until.reset();
    ending.meanwhile = [&] { f.store().add_key(key_of("other"), Actor{}); };
    Follower late(path, "/v1/events?after=0");
    CHECK(late.next_seq() == 0);
}

TEST_CASE("the number of streams of one caller is limited") {
    Anybody anybody;
    ApiFixture f;
    auto const path = door_of(f, anybody);
    std::list<Follower> followers;
    for (int i = 0; i < 32; ++i) CHECK(followers.emplace_back(path, "/v1/events?after=0").head.status == 200);
    f.ask("PUT", "/v1/accounts/acme", "{}");
    for (auto& follower : followers) CHECK(follower.next_seq() == 1);  // all are open
    CHECK(Wire(path).ask("GET", "/v1/events").status == 429);
    CHECK(Wire(f.socket()).ask("GET", "/v1/accounts").status == 200);
    CHECK(Follower(f.socket(), "/v1/events").head.status == 200);
}

TEST_CASE("streams end when a key changes and when the daemon stops, without delaying it") {
    Deadlines soon;
    soon.trust = std::chrono::milliseconds(20);
    ApiFixture f(soon);
    Follower follower(f.socket(), "/v1/events?after=0");
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK(follower.next_seq() == 1);
    ApiKey key;
    key.kid = "billing";
    key.secret = Secret(std::string(32, 'k'));
    key.scopes = {"read"};
    REQUIRE(f.store().add_key(key, Actor{}));
    CHECK(follower.wire.ended());
    Follower again(f.socket(), "/v1/events", "Last-Event-ID: 1\r\n");
    CHECK(again.head.status == 200);
    f.server.reset();
    CHECK(again.wire.ended());
}

}  // namespace
}  // namespace genesis
