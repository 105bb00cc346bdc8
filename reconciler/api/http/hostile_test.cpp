// Slow, greedy and broken clients over TCP displace each other and affect nobody else.
#include "reconciler/api/http/api_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include <fstream>
#include <list>

namespace genesis {
namespace {

using std::chrono::milliseconds;
std::string const one = "GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n";

// Raises the limit of descriptors: both ends of each connection are in this process.
std::size_t raise_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

// A sanitizer keeps freed memory, so resident memory means nothing there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_ours = false;
#else
constexpr bool memory_is_ours = true;
#endif

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Sends as much as possible without blocking.
void push(Wire const& wire, std::string_view bytes) {
    (void)::send(wire.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

TEST_CASE("every valid request is answered beside a thousand slow clients") {
    if (raise_descriptors() < 4096) {
        WARN("skipped: needs 4096 descriptors");
        return;
    }
    Anybody anybody;
    ApiFixture f;
    auto const port = f.open(anybody);
    CHECK(Wire(port).ask("GET", "/v1/info").status == 200);
    auto const before = resident_bytes();
    std::list<Wire> slow;
    std::string const body =
        "PUT /v1/accounts/acme HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + std::string(60000, ' ');
    std::string greedy;
    for (int i = 0; i < 500; ++i) greedy += one;
    for (int i = 0; i < 1000; ++i) {
        auto const& wire = slow.emplace_back(port);
        if (i % 4 == 0) push(wire, "GET /v1/info HTTP/1.1\r\nX-Slow: ");
        if (i % 4 == 1) push(wire, body);
        if (i % 4 == 2) push(wire, greedy);  // and reads none of the answers
        if (i % 20 != 0) continue;
        for (auto const& each : slow) push(each, "x");  // one byte more of all of them
        CHECK(Wire(port).ask("GET", "/v1/info").status == 200);
        CHECK(Wire(port).ask("PUT", "/v1/accounts/acme" + std::to_string(i), "{}").status == 202);
        CHECK(f.ask("GET", "/v1/info").status == 200);
    }
    CHECK((resident_bytes() - before < 64U << 20U || !memory_is_ours));
    CHECK(f.store().objects("account").size() == 50);
}

TEST_CASE("long bodies that never end do not fill the memory or keep out a complete one") {
    Anybody anybody;
    ApiFixture f;
    auto const port = f.open(anybody, nullptr, {.total = 500, .per_address = 500, .body_bytes = 8U << 20U});
    auto const before = resident_bytes();
    std::list<Wire> slow;
    std::string const most =
        "PUT /v1/accounts/acme HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n" + std::string(1000000, ' ');
    for (int i = 0; i < 100; ++i) {
        slow.emplace_back(port).send(most);
        if (i % 10 == 0)
            CHECK(Wire(port).ask("PUT", "/v1/accounts/acme", "{" + std::string(900000, ' ') + "}").status < 300);
    }
    CHECK((resident_bytes() - before < 64U << 20U || !memory_is_ours));
}

TEST_CASE("each phase of a connection has its own deadline") {
    Deadlines soon;
    soon.first = soon.idle = soon.head = soon.body = soon.answer = milliseconds(100);
    Anybody anybody;
    ApiFixture f(soon);
    auto const port = f.open(anybody);
    for (auto const* begun :
         {"", "G", "GET /v1/info HTTP/1.1\r\n", "PUT /v1/accounts/acme HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
          "PUT /v1/accounts/acme HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"}) {
        Wire wire(port);
        wire.send(begun);
        CHECK(wire.ended());
    }
    bool answered = false;
    for (int i = 0; i < 100 && !answered; ++i) {  // a busy machine may miss the deadline of a request
        Wire idle(port);
        answered = idle.ask("GET", "/v1/info").status == 200;
        CHECK(idle.ended());
    }
    CHECK(answered);
}

TEST_CASE("bytes that trickle in do not extend a deadline") {
    Deadlines soon;
    soon.head = soon.body = milliseconds(200);
    Anybody anybody;
    ApiFixture f(soon);
    auto const port = f.open(anybody);
    for (auto const* begun :
         {"GET /v1/info HTTP/1.1\r\nX-A: ", "PUT /v1/accounts/acme HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"}) {
        Wire wire(port);
        wire.send(begun);
        pollfd end{wire.fd(), POLLIN | POLLRDHUP, 0};
        int sent = 0;
        for (; sent < 3000 && ::poll(&end, 1, 10) == 0; ++sent) push(wire, "x");
        CHECK(sent < 3000);
    }
}

TEST_CASE("a client that does not read its answers is disconnected") {
    Deadlines soon;
    soon.answer = milliseconds(100);
    Anybody anybody;
    ApiFixture f(soon);
    Wire wire(f.open(anybody));
    pollfd writable{wire.fd(), POLLOUT, 0};
    bool cut = false;
    while (!cut && ::poll(&writable, 1, 30000) == 1)
        cut = ::send(wire.fd(), one.data(), one.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN;
    CHECK(cut);
}

TEST_CASE("broken and oversized messages are refused at once, and nothing of them is stored") {
    Anybody anybody;
    ApiFixture f;
    auto const port = f.open(anybody);
    auto const status = [&](std::string const& text) {
        Wire wire(port);
        wire.send(text);
        auto const reply = wire.receive();
        CHECK(reply.has("X-Request-Id: "));
        CHECK(reply.has("Connection: close"));
        CHECK(wire.ended());
        return reply.status;
    };
    std::string const put = "PUT /v1/accounts/acme HTTP/1.1\r\nHost: x\r\n";
    CHECK(status(put + "Content-Length: 2147483648\r\n\r\n") == 413);
    CHECK(status(put + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}") == 400);
    CHECK(status(put + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n") >= 400);
    CHECK(status(put + "X: " + std::string(9000, 'x') + "\r\n\r\n") == 431);
    CHECK(status(put + std::string("X: a\0b\r\n", 8) + "\r\n") == 400);
    CHECK(status("PUT /v1/accounts/acme HTTP/1.1\nContent-Length: 2\n\n{}") == 400);
    CHECK(status(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)) == 400);  // TLS on a plain listener
    CHECK(f.store().objects("").empty());
}

TEST_CASE("bodies that are not a spec are refused with the right status, and the connection is kept") {
    Anybody anybody;
    ApiFixture f;
    Wire wire(f.open(anybody));
    auto const put = [&](std::string const& body) { return wire.ask("PUT", "/v1/accounts/acme", body).status; };
    CHECK(put(std::string(10000, '[') + std::string(10000, ']')) == 400);
    CHECK(put(R"({"contact": )" + std::string(10000, '[')) == 400);
    CHECK(put(R"({"contact": "a@b.example", "contact": "c@d.example"})") == 400);
    CHECK(put(std::string("{}\0", 3)) == 400);
    CHECK(put("{} {}") == 400);
    CHECK(put("{\"contact\": \"\xff\xfe\"}") == 400);
    CHECK(put("null") >= 400);
    CHECK(wire.ask("GET", "http://x/v1/info").status == 400);
    CHECK(f.store().objects("").empty());
    CHECK(put("{}") == 202);
}

TEST_CASE("pipelined requests are answered in their order, also over TCP and with bodies between") {
    Anybody anybody;
    ApiFixture f;
    Wire wire(f.open(anybody));
    std::string all;
    for (int i = 0; i < 50; ++i)
        all += "PUT /v1/accounts/acme" + std::to_string(i) + " HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" + one;
    wire.send(all);
    for (int i = 0; i < 50; ++i) {
        auto const name = "acme" + std::to_string(i);
        CHECK(wire.receive("PUT", "/v1/accounts/" + name).body().at("name").as_string() == name);
        CHECK(wire.receive("GET", "/v1/info").body().at("node") == "node1");
    }
    wire.send("GET /v1/info HTTP/1.0\r\n\r\n");
    CHECK(wire.receive("GET", "/v1/info").has("Connection: close"));
    CHECK(wire.ended());
}

TEST_CASE("the listener of probes serves probes and nothing else") {
    ApiFixture f;
    ProbesOnly probes;
    auto const port = f.open(probes);
    for (auto const* target : {"/healthz", "/readyz", "/openapi.json"})
        CHECK(Wire(port).ask("GET", target).status == 200);
    for (auto const* target :
         {"/v1/info", "/v1/accounts", "/", "/healthz/", "/healthz?x=1", "//healthz", "/v1/events", "*"})
        CHECK(Wire(port).ask("GET", target).status == 404);
    for (auto const* method : {"PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "NONSENSE"})
        for (auto const* target : {"/healthz", "/v1/accounts/acme", "/v1/pause"})
            CHECK(Wire(port).ask(method, target).status == 404);
    CHECK(f.engine.calls.empty());
}

}  // namespace
}  // namespace genesis
