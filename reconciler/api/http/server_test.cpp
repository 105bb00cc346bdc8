// Access to the socket, limits, the order of checks, and framing.
#include "reconciler/api/http/api_fixture.hpp"
#include "reconciler/api/routes/dispatch.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <thread>

namespace genesis {
namespace {

TEST_CASE("root and the group have access, others do not, whatever the method and the path") {
    PeerCredentials const peers(7);
    Request const request{"GET", "/v1/info", {}, "", ""};
    CHECK(peers.authenticate(request, Connection{Peer{0, 0, {}, 1}}).has_value());
    CHECK(peers.authenticate(request, Connection{Peer{1000, 7, {}, 1}}).has_value());
    CHECK(peers.authenticate(request, Connection{Peer{1000, 1000, {4, 7}, 1}}).has_value());
    CHECK(peers.authenticate(request, Connection{Peer{1000, 1000, {4, 70}, 1}}).error().status == 403);
    CHECK(peers.authenticate(request, Connection{}).error().status == 401);
    CHECK(PeerCredentials(std::nullopt).authenticate(request, Connection{Peer{1000, 0, {0}, 1}}).error().status == 403);
}

// The statuses of these requests sent by the user nobody without groups.
int statuses_as_nobody(std::string const& socket) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
    for (auto const* method : {"GET", "PUT", "DELETE", "POST", "OPTIONS", "PATCH", "NONSENSE"})
        for (auto const* target : {"/v1/info", "/v1/accounts/acme", "/no/such/path", "/../etc", "/healthz", "*"})
            if (Wire(socket).ask(method, target, "", "X-Genesis-Source: api\r\n").status != 403) return 2;
    return Findings::all().take().empty() ? 0 : 4;
}

TEST_CASE("a process of the user nobody is refused with 403 before routing") {
    if (::geteuid() != 0) {
        WARN("skipped: needs root");
        return;
    }
    std::array<int, 2> line{};
    REQUIRE(::pipe(line.data()) == 0);
    pid_t const child = ::fork();  // before the server has threads: one of them could hold a lock that the child needs
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(60);
        std::array<char, 256> path{};
        auto const size = ::read(line[0], path.data(), path.size());
        // The fixture accepts the gid of the test: drop every group first.
        if (size <= 0 || ::setgroups(0, nullptr) != 0) ::_exit(3);
        ::_exit(statuses_as_nobody(std::string(path.data(), static_cast<std::size_t>(size))));
    }
    ApiFixture f;
    std::filesystem::permissions(f.directory(), std::filesystem::perms::all);
    std::filesystem::permissions(f.socket(), std::filesystem::perms::all);
    auto const socket = f.socket();
    CHECK(::write(line[1], socket.data(), socket.size()) == static_cast<ssize_t>(socket.size()));
    for (auto const fd : line) ::close(fd);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("unknown paths, other methods and targets that are not plain get different answers") {
    ApiFixture f;
    CHECK(f.ask("GET", "/v1/nonsense").status == 404);
    CHECK(f.ask("GET", "/v2/accounts").status == 404);
    CHECK(f.ask("GET", "/v1/account/acme").status == 404);
    auto const wrong = f.ask("PATCH", "/v1/accounts/acme");
    CHECK(wrong.status == 405);
    CHECK(wrong.has("Allow: PUT, GET, DELETE"));
    CHECK(f.ask("POST", "/v1/accounts/acme", "", "X-HTTP-Method-Override: PUT\r\n").status == 405);
    for (auto const* target : {"/v1/accounts/../packages", "/v1/accounts/%61cme", "/v1//accounts", "/v1/accounts/",
                               "/v1/Accounts", "/", "//", "/v1/accounts?limit=%31", "/v1/accounts?a=1?b=2", "*",
                               "http://host/v1/info", "/v1/accounts/acme;x", "/v1/accounts#x"})
        CHECK(f.ask("GET", target).status == 400);
    CHECK(f.ask("GET", "/v1/info", "{}").status == 400);
    CHECK(f.ask("HEAD", "/v1/info").text.empty());
}

// Who it is stands in the request.
struct Named final : Authenticator {
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       Connection const&) const override {
        return Identity{"key " + std::string(request.header("x-name"))};
    }
};

TEST_CASE("the plans of one key leave the others their share, and their number is limited in all") {
    ApiFixture f;
    Named const named;
    f.ask("PUT", "/v1/accounts/acme", "{}");
    auto const port = f.open(named);
    f.engine.held = true;
    std::list<Wire> wires;
    auto const ask = [&](std::string const& who) {
        wires.emplace_back(port).send("GET /v1/accounts/acme/plan HTTP/1.1\r\nHost: x\r\nX-Name: " + who + "\r\n\r\n");
    };
    auto const answer_to = [&](std::string const& who) {
        return Wire(port).ask("GET", "/v1/accounts/acme/plan", "", "X-Name: " + who + "\r\n");
    };
    auto const wait_until_asked = [&](std::size_t plans) {
        for (int i = 0; i < 3000; ++i) {
            if (std::lock_guard const lock(f.engine.mutex); f.engine.waiting.size() == plans) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    };
    std::size_t asked = 0;
    for (auto const* who : {"a", "b", "c", "d"}) {
        for (int i = 0; i < PlanSlots::most_each; ++i) ask(who);
        asked += PlanSlots::most_each;
        REQUIRE(wait_until_asked(asked));  // though those of the others are all waiting still
        if (asked < PlanSlots::most) {
            auto const refused = answer_to(who);
            CHECK(refused.status == 503);
            CHECK(refused.text.find("you have " + std::to_string(PlanSlots::most_each) + " plans under way already") !=
                  std::string::npos);
        }
    }
    auto const refused = answer_to("e");
    CHECK(refused.status == 503);
    CHECK(refused.text.find("too many plans are under way") != std::string::npos);
    f.engine.release();
    for (auto& wire : wires) (void)wire.receive_head();
    CHECK(answer_to("a").status == 200);
}

TEST_CASE("plans that are not answered delay no other request, and their number is limited") {
    ApiFixture f;
    f.ask("PUT", "/v1/accounts/acme", "{}");
    f.engine.held = true;
    std::list<Wire> wires;
    std::vector<pollfd> fds;
    constexpr int more = 5;
    for (int i = 0; i < PlanSlots::most_each + more; ++i) {
        auto& wire = wires.emplace_back(f.socket());
        bool const dry = i % 2 == 0;
        wire.send(std::string(dry ? "DELETE /v1/accounts/acme?dry_run=true" : "GET /v1/accounts/acme/drift") +
                  " HTTP/1.1\r\nHost: x\r\n\r\n");
        fds.push_back({wire.fd(), POLLIN, 0});
    }
    int answered = 0;
    while (answered<more&& ::poll(fds.data(), fds.size(), 30000)> 0)
        answered =
            static_cast<int>(std::count_if(fds.begin(), fds.end(), [](auto const& fd) { return fd.revents != 0; }));
    CHECK(answered == more);
    CHECK(f.ask("GET", "/v1/accounts").status == 200);
    CHECK(f.ask("POST", "/v1/accounts/acme/pause").status == 200);
    CHECK(f.ask("DELETE", "/v1/keys/nobody").status == 404);
    f.engine.release();
    std::map<int, int> statuses;
    for (auto& wire : wires) ++statuses[wire.receive_head().status];
    CHECK(statuses == std::map<int, int>{{200, PlanSlots::most_each}, {503, more}});
}

TEST_CASE("what is too long is refused before it is stored") {
    ApiFixture f;
    CHECK(f.ask("GET", "/v1/info", "", "X-Long: " + std::string(9000, 'x') + "\r\n").status == 431);
    CHECK(f.ask("GET", "/v1/" + std::string(9000, 'x')).status == 431);
    Wire wire(f.socket());
    wire.send("PUT /v1/accounts/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483648\r\n\r\n");
    CHECK(wire.receive().status == 413);
    std::string const big = R"({"suspend_reason": ")" + std::string(1100000, 'x') + "\"}";
    CHECK(f.ask("PUT", "/v1/accounts/acme", big).status == 413);
    std::string const almost = R"({"suspend_reason": ")" + std::string(1000000, 'x') + "\"}";
    CHECK(f.ask("PUT", "/v1/accounts/acme", almost).status == 422);
    CHECK(f.ask("PUT", "/v1/accounts/acme", std::string(40, '[') + std::string(40, ']')).status == 400);
}

TEST_CASE("an ambiguous message is refused") {
    ApiFixture f;
    auto status = [&](std::string const& text) {
        Wire wire(f.socket());
        wire.send(text);
        return wire.receive().status;
    };
    std::string const put = "PUT /v1/accounts/acme HTTP/1.1\r\nHost: x\r\n";
    CHECK(status(put + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x") == 400);
    CHECK(status(put + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n") == 411);
    CHECK(status(put + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}") >= 400);
    CHECK(status(put + "If-Match: \"1\"\r\nIf-Match: \"2\"\r\nContent-Length: 2\r\n\r\n{}") == 400);
    CHECK(status("nonsense\r\n\r\n") == 400);
    CHECK(status("GET /v1/info\r\n\r\n") == 400);
    CHECK(f.store().objects("").empty());
}

TEST_CASE("a connection serves many requests, also when they come at once or byte by byte") {
    ApiFixture f;
    Wire wire(f.socket());
    for (int i = 0; i < 20; ++i) CHECK(wire.ask("PUT", "/v1/accounts/acme", "{}").status == (i == 0 ? 202 : 200));
    std::string const one = "GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n";
    wire.send(one + one + one);
    for (int i = 0; i < 3; ++i) CHECK(wire.receive("GET", "/v1/info").status == 200);
    for (char const c : one) wire.send(std::string_view(&c, 1));
    CHECK(wire.receive("GET", "/v1/info").status == 200);
    wire.send("PUT /v1/accounts/acme HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(wire.receive_head().status == 100);
    wire.send("{}");
    CHECK(wire.receive("PUT", "/v1/accounts/acme").status == 200);
    CHECK(wire.ask("GET", "/v1/info", "", "Connection: close\r\n").has("Connection: close"));
    CHECK(wire.ask("GET", "/v1/info").status == 0);
}

TEST_CASE("fifty concurrent clients are all answered, and all acknowledged writes are stored") {
    ApiFixture f;
    std::atomic<int> accepted = 0;
    std::vector<std::thread> clients;
    for (int c = 0; c < 50; ++c)
        clients.emplace_back([&, c] {
            Wire wire(f.socket());
            for (int i = 0; i < 10; ++i)
                accepted +=
                    wire.ask("PUT", "/v1/accounts/c" + std::to_string(c) + "n" + std::to_string(i), "{}").status == 202;
        });
    for (auto& client : clients) client.join();
    CHECK(accepted == 500);
    CHECK(f.store().objects("account").size() == 500);
}

TEST_CASE("stopping answers requests under way, closes idle connections and accepts no new ones") {
    ApiFixture f;
    Wire idle(f.socket());
    CHECK(idle.ask("GET", "/v1/info").status == 200);
    auto const before = std::chrono::steady_clock::now();
    f.server.reset();
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(50));
    CHECK(idle.receive().status == 0);
    CHECK_FALSE(Wire(f.socket()).connected());
}

}  // namespace
}  // namespace genesis
