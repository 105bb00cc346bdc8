// Creating, rotating and revoking keys, concurrent writes, and the audit log.
#include "reconciler/api/auth/auth_fixture.hpp"
#include "reconciler/api/routes/key_request.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

std::string unhex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return out;
}
Signer signer_of(Answer const& answer) {
    return {std::string(answer.body.at("kid").as_string()), Secret(unhex(answer.body.at("secret").as_string()))};
}

TEST_CASE("a key is created on the server itself, its secret is shown once, and it signs at once") {
    AuthFixture f;
    auto const answer =
        f.ask_locally("POST", "/v1/keys/billing",
                      R"({"scopes": ["account:write", "read"], "cidrs": ["192.0.2.0/24"], "comment": "shop"})");
    REQUIRE(answer.status == 200);
    CHECK(answer.body.at("secret").as_string().size() == 64);
    auto const key = signer_of(answer);
    CHECK(f.ask(key, "PUT", "/v1/accounts/acme", "{}").status == 202);
    CHECK(f.ask(key, "GET", "/v1/keys").status == 403);
    auto const list = f.ask_locally("GET", "/v1/keys");
    CHECK(list.body.at("items").at(0).at("comment") == "shop");
    CHECK(json::serialize(list.body).find("secret") == std::string::npos);
    CHECK(f.ask_locally("POST", "/v1/keys/billing", R"({"scopes": ["read"]})").status == 409);
    auto const chief = f.add("chief", {"admin"});
    CHECK(f.ask(chief, "GET", "/v1/keys").status == 200);
    CHECK(f.ask(chief, "POST", "/v1/keys/other", R"({"scopes": ["read"]})").status == 403);
    CHECK(f.ask(chief, "POST", "/v1/keys/billing/rotate").status == 403);
    CHECK(f.ask(chief, "DELETE", "/v1/keys/billing").status == 403);
    CHECK(f.store().keys().size() == 2);
}

TEST_CASE("an invalid key request is refused field by field") {
    AuthFixture f;
    for (auto const* body :
         {"", "{}", R"({"scopes": []})", R"({"scopes": ["root"]})", R"({"scopes": ["read"], "cidrs": ["10.0.0.1/8"]})",
          R"({"scopes": ["read"], "expires": "2027-02-30"})", R"({"scopes": ["read"], "expires": "2020-01-01"})",
          R"({"scopes": ["read"], "not_before": "2029-01-01", "expires": "2028-01-01"})",
          R"({"scopes": ["read"], "secret": "x"})"}) {
        INFO(body);
        CHECK(f.ask_locally("POST", "/v1/keys/billing", body).status == 422);
    }
    CHECK(f.ask_locally("POST", "/v1/keys/bil", R"({"scopes": ["read"]})").status == 422);
    CHECK(f.ask_locally("POST", "/v1/keys/billing", "{").status == 400);
    CHECK(f.ask_locally("POST", "/v1/keys/none/rotate").status == 404);
    CHECK(f.ask_locally("DELETE", "/v1/keys/none").status == 404);
    CHECK(f.store().keys().empty());
}

TEST_CASE("a key can have the scope of every kind") {
    for (auto const& kind : object_kinds()) {
        auto const& words = EnumNames<KeyScope>::names;
        CHECK(std::any_of(words.begin(), words.end(), [&](auto const& w) { return w.second == kind.scope; }));
    }
}

TEST_CASE("an instant is an existing date or time") {
    CHECK(instant_of("2027-01-15T08:00:00Z") == Time(std::chrono::milliseconds(1'800'000'000'000)));
    CHECK(instant_of("2028-02-29"));
    for (auto const* bad : {"", "2027-02-29", "2027-13-01", "2027-01-15T24:00:00Z", "2027-01-15T08:00:00", "2027-1-15",
                            " 2027-01-15", "2027-01-15T08:00:00+01:00"})
        CHECK_FALSE(instant_of(bad));
}

TEST_CASE("while a key is rotated both its secrets sign, under load too, and a revoked one is refused at once") {
    AuthFixture f;
    auto const old = signer_of(f.ask_locally("POST", "/v1/keys/billing", R"({"scopes": ["read", "account:write"]})"));
    std::atomic<bool> stop = false;
    std::atomic<int> failed = 0, sent = 0;
    std::mutex mutex;
    auto current = old;
    std::vector<std::thread> clients;
    for (int t = 0; t < 4; ++t)
        clients.emplace_back([&, t] {
            while (!stop || sent < 100) {
                Signer by = old;
                if (t % 2 == 1) {
                    std::lock_guard const lock(mutex);
                    by = current;
                }
                failed += f.ask(by, "GET", "/v1/info").status != 200;
                ++sent;
            }
        });
    auto const answer = f.ask_locally("POST", "/v1/keys/billing/rotate", R"({"overlap_seconds": 3600})");
    {
        std::lock_guard const lock(mutex);
        current = signer_of(answer);
    }
    CHECK(f.ask(current, "PUT", "/v1/accounts/acme", "{}").status == 202);
    stop = true;
    for (auto& client : clients) client.join();
    CHECK(failed == 0);
    CHECK(answer.body.at("version") == 2);
    f.clock.milliseconds += 3'600'000;  // the overlap is over
    CHECK(f.ask(old, "GET", "/v1/info").status == 401);
    CHECK(f.ask(current, "GET", "/v1/info").status == 200);
    CHECK(f.ask_locally("DELETE", "/v1/keys/billing").status == 200);
    CHECK(f.ask(current, "GET", "/v1/info").status == 401);
    CHECK(f.ask_locally("DELETE", "/v1/keys/billing").status == 200);
    CHECK(f.ask_locally("POST", "/v1/keys/billing/rotate").status == 404);
}

TEST_CASE("rotating twice ends the first secret at once: at most two are valid") {
    AuthFixture f;
    auto const first = signer_of(f.ask_locally("POST", "/v1/keys/billing", R"({"scopes": ["read"]})"));
    auto const second = signer_of(f.ask_locally("POST", "/v1/keys/billing/rotate"));
    auto const third = signer_of(f.ask_locally("POST", "/v1/keys/billing/rotate"));
    CHECK(f.ask(first, "GET", "/v1/info").status == 401);
    CHECK(f.ask(second, "GET", "/v1/info").status == 200);
    CHECK(f.ask(third, "GET", "/v1/info").status == 200);
}

TEST_CASE("a key that another process revokes is refused within a second") {
    AuthFixture f;
    auto const key = f.add("billing", {"read"});
    CHECK(f.ask(key, "GET", "/v1/info").status == 200);
    SqliteStore other(f.path(), "node1", Vault::with_key(Secret(f.key())), f.clock);
    REQUIRE(other.revoke_key("billing", Actor{}));
    f.clock.ahead += 900;
    CHECK(f.ask(key, "GET", "/v1/info").status == 401);
}

TEST_CASE("the same PUT ten times concurrently is one generation") {
    AuthFixture f;
    auto const key = f.add("billing", {"account:write"});
    std::atomic<int> created = 0, unchanged = 0;
    at_once(10, 10, [&](int) {
        auto const status = f.ask(key, "PUT", "/v1/accounts/acme", R"({"contact": "a@b.example"})").status;
        created += status == 202;
        unchanged += status == 200;
    });
    CHECK(created == 1);
    CHECK(unchanged == 9);
    CHECK(f.store().find({"account", "acme"})->generation == 1);
}

TEST_CASE("of two different PUTs of one generation one wins, and the other is 412") {
    AuthFixture f;
    auto const key = f.add("billing", {"account:write"});
    f.ask(key, "PUT", "/v1/accounts/acme", "{}");
    for (int round = 1; round <= 20; ++round) {
        std::atomic<int> won = 0, lost = 0;
        at_once(2, 2, [&](int i) {
            auto const body = R"({"contact": "c)" + std::to_string(round) + (i == 0 ? "a" : "b") + R"(@b.example"})";
            Request request{"PUT", "/v1/accounts/acme", {{"if-match", "\"" + std::to_string(round) + "\""}}, body, "r"};
            auto const status = f.send(sign(request, key, f.now())).status;
            won += status == 202;
            lost += status == 412;
        });
        CHECK(won == 1);
        CHECK(lost == 1);
    }
}

TEST_CASE("of two accounts that claim a domain concurrently one gets it") {
    AuthFixture f;
    auto const key = f.add("billing", {"account:write"});
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> won = 0, lost = 0;
        at_once(2, 2, [&](int i) {
            auto const body = R"({"sites": [{"domain": "d)" + std::to_string(round) + R"(.example"}]})";
            auto const name = (i == 0 ? "left" : "right") + std::to_string(round);
            auto const status = f.ask(key, "PUT", "/v1/accounts/" + name, body).status;
            won += status == 202;
            lost += status == 409;
        });
        CHECK(won == 1);
        CHECK(lost == 1);
    }
}

TEST_CASE("the audit log has who did what from where, and no secret") {
    AuthFixture f;
    auto const answer = f.ask_locally("POST", "/v1/keys/billing", R"({"scopes": ["account:write"]})");
    f.ask(signer_of(answer), "PUT", "/v1/accounts/acme",
          R"({"databases": [{"name": "shop", "users": [{"name": "web", "password": "MARKER-4711"}]}]})");
    auto const trail = f.ask_locally("GET", "/v1/audit?limit=10");
    auto const& items = trail.body.at("items").as_array();
    REQUIRE(items.size() == 2);
    CHECK(items[0].at("who") == "key billing");
    CHECK(items[0].at("from") == "192.0.2.7");
    CHECK(items[0].at("object") == "account/acme");
    CHECK(items[1].at("who") == "uid 0");
    CHECK(items[1].at("action") == "key-add");
    auto const text = json::serialize(trail.body);
    CHECK(text.find("MARKER") == std::string::npos);
    CHECK(text.find(answer.body.at("secret").as_string().c_str()) == std::string::npos);
    CHECK(f.ask_locally("GET", "/v1/audit?before=1").body.at("items").as_array().empty());
}

}  // namespace
}  // namespace genesis
