// Authentication of signed requests: every route and method, every byte, every replay, and what a refusal reveals.
#include "reconciler/api/auth/auth_fixture.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace genesis {
namespace {

std::string const put_body = R"({"contact": "a@b.example"})";

std::string replaced(std::string text, std::string const& what, std::string const& by) {
    if (auto const at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
    return text;
}

// Every path of the table, for every kind, and some that do not exist.
std::set<std::string> all_paths() {
    std::set<std::string> out{"/v1/nonsense",  "/v1/accounts/acme/nonsense", "/v2/accounts", "/", "*", "/v1/../etc",
                              "/v1/%61ccounts"};
    for (auto const& route : routes())
        for (auto const& kind : object_kinds())
            out.insert(
                replaced(replaced(std::string(route.path), "{kind}", std::string(kind.plural)), "{name}", "acme"));
    return out;
}
std::vector<std::string> const methods{"GET",     "PUT",   "POST",    "DELETE",   "PATCH", "HEAD",
                                       "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get",   "NONSENSE"};

template <class F>
void each_request(F const& visit) {
    for (auto const& target : all_paths())
        for (auto const& method : methods) visit(Request{method, target, {}, method == "PUT" ? put_body : "", "req"});
}

bool alike(Answer const& a, Answer const& b) {
    return a.status == b.status && a.body == b.body && a.type == b.type && a.allow == b.allow && a.text == b.text &&
           a.generation == b.generation && a.retry_after == b.retry_after;
}

TEST_CASE("without a valid signature every request is 401 and nothing is written") {
    AuthFixture f;
    auto const key = f.add("billing", {"admin"});
    auto const elsewhere = Signer{key.kid, key.secret, "node:node2"};
    auto const impostor = Signer{key.kid, new_key_secret()};
    auto const before = f.rows();
    int wrong = 0, asked = 0;
    each_request([&](Request const& request) {
        auto overridden = request;
        overridden.headers = {
            {"x-http-method-override", "PUT"}, {"x-forwarded-for", "127.0.0.1"}, {"host", "localhost"}};
        for (auto const& bad :
             {request, overridden, sign(request, impostor, f.now()), sign(request, key, f.now() - 121),
              sign(request, key, f.now() + 121), sign(request, elsewhere, f.now())}) {
            wrong += alike(f.send(bad), unauthenticated()) ? 0 : 1;
            ++asked;
        }
    });
    CHECK(wrong == 0);
    CHECK(asked > 1000);
    CHECK(f.rows() == before);
    CHECK(f.engine.calls.empty());
}

TEST_CASE("a key without any scope gets 403 for everything, and nothing is written") {
    AuthFixture f;
    auto const key = f.add("network", {"vps:write"});
    auto const before = f.rows();
    int wrong = 0;
    each_request([&](Request const& request) { wrong += f.send(sign(request, key, f.now())).status == 403 ? 0 : 1; });
    CHECK(wrong == 0);
    CHECK(f.rows() == before);
    CHECK(f.engine.calls.empty());
}

TEST_CASE("a dry run shows what is stored, so a key that may write and not read gets 403 for it") {
    AuthFixture f;
    auto const writer = f.add("writer", {"account:write"}), both = f.add("both", {"account:write", "read"});
    f.ask(both, "PUT", "/v1/accounts/acme", R"({"cron": [{"schedule": "@daily", "command": "MARKER"}]})");
    AnyStep const step{
        Verb::update, {"crontab", "acme"}, {"account", "acme"}, {}, {}, {{"/lines", "MARKER", "other"}}, {}};
    f.engine.next_plan.steps = {{step, Cause::spec_changed}};
    for (auto const* method : {"PUT", "DELETE"}) {
        auto const body = method == std::string("PUT") ? "{}" : "";
        auto const refused = f.ask(writer, method, "/v1/accounts/acme?dry_run=true", body);
        CHECK(refused.status == 403);
        CHECK(std::string(refused.body.at("detail").as_string()).ends_with("the scope read"));
        CHECK(json::serialize(refused.body).find("MARKER") == std::string::npos);
        auto const shown = f.ask(both, method, "/v1/accounts/acme?dry_run=true", body);
        CHECK(shown.status == 200);
        CHECK(json::serialize(shown.body).find("MARKER") != std::string::npos);
    }
    CHECK(f.ask(writer, "PUT", "/v1/accounts/acme?dry_run=false", "{}").status == 202);
}

TEST_CASE("each scope allows its own routes and no other; no key allows the local ones") {
    AuthFixture f;
    auto const reader = f.add("reader", {"read"}), writer = f.add("writer", {"account:write"}),
               chief = f.add("chief", {"admin"});
    for (auto const& route : routes())
        for (auto const& kind : object_kinds()) {
            if (!route.path.starts_with("/v1/")) continue;
            auto const target =
                replaced(replaced(std::string(route.path), "{kind}", std::string(kind.plural)), "{name}", "acme");
            INFO(route.method << " " << target);
            auto const open = [&](Signer const& by) {
                return f.ask(by, std::string(route.method), target, route.spec ? "{}" : "").status != 403;
            };
            CHECK(open(reader) == (route.scope == RequiredScope::read));
            CHECK(open(writer) == (route.scope == RequiredScope::write && kind.scope == "account:write"));
            CHECK(open(chief) == (route.scope != RequiredScope::local));
        }
    CHECK(f.ask(writer, "PUT", "/v1/accounts/acme?take_over=true", "{}").status == 403);
}

TEST_CASE("a request is valid once, whatever it asked for and whatever its answer was") {
    AuthFixture f;
    auto const key = f.add("billing", {"admin"});
    std::vector<Request> captured;
    each_request([&](Request const& request) { captured.push_back(sign(request, key, f.now())); });
    std::atomic<int> refused = 0, accepted = 0;
    at_once(16, static_cast<int>(captured.size()), [&](int i) {
        auto const status = f.send(captured[static_cast<std::size_t>(i)]).status;
        refused += status == 401;
    });
    CHECK(refused == 0);
    auto const before = f.rows();
    auto const asked = f.engine.calls.size();
    at_once(16, static_cast<int>(captured.size()), [&](int i) {
        auto const& request = captured[static_cast<std::size_t>(i)];
        auto const answer = f.send(request);
        // Local routes are refused before anything else is checked.
        accepted += !(alike(answer, unauthenticated()) || answer.status == 403);
    });
    CHECK(accepted == 0);
    CHECK(f.rows() == before);
    CHECK(f.engine.calls.size() == asked);
}

struct Captured {
    AuthFixture f;
    Signer const key = f.add("billing", {"account:write", "read"});
    std::vector<Request> requests;
    Captured() {
        for (int i = 0; i < 1000; ++i) {
            auto const name = "/v1/accounts/c" + std::to_string(100 + i % 50);
            requests.push_back(i % 4 == 3
                                   ? f.signed_by(key, "GET", name)
                                   : f.signed_by(key, i % 4 == 2 ? "DELETE" : "PUT", name, i % 4 == 2 ? "" : "{}"));
        }
        at_once(16, 1000, [&](int i) { f.send(requests[static_cast<std::size_t>(i)]); });
    }
    // How many of the thousand are accepted when they are sent again concurrently.
    int accepted(AuthFixture& by) {
        std::atomic<int> out = 0;
        at_once(16, 1000, [&](int i) { out += by.send(requests[static_cast<std::size_t>(i)]).status != 401; });
        return out;
    }
};

TEST_CASE(
    "no captured request is accepted again: concurrently, after a restart, with the clock set back, on another node") {
    Captured captured;
    auto& f = captured.f;
    auto const before = f.rows();
    CHECK(captured.accepted(f) == 0);
    f.restart();
    CHECK(captured.accepted(f) == 0);
    f.clock.milliseconds -= 3'600'000;
    CHECK(captured.accepted(f) == 0);
    f.restart();
    CHECK(captured.accepted(f) == 0);
    f.clock.milliseconds += 3'600'000;
    CHECK(captured.accepted(f) == 0);
    CHECK(f.rows() == before);
    AuthFixture other("node:node2");
    ApiKey same;
    same.kid = captured.key.kid;
    same.secret = captured.key.secret;
    same.scopes = {"admin"};
    other.store().add_key(same, Actor{});
    CHECK(captured.accepted(other) == 0);
    CHECK(other.store().objects("").empty());
}

TEST_CASE("a clock that is set an hour ahead and back does not make a captured request valid") {
    Captured captured;
    auto& f = captured.f;
    f.clock.milliseconds += 3'600'000;
    CHECK(captured.accepted(f) == 0);
    CHECK(f.ask(captured.key, "GET", "/v1/info").status == 200);  // forgets the nonces of an hour ago
    f.clock.milliseconds -= 3'600'000;
    CHECK(captured.accepted(f) == 0);
    f.restart();
    CHECK(captured.accepted(f) == 0);
}

TEST_CASE("the same request sent concurrently on many connections is accepted once") {
    AuthFixture f;
    auto const key = f.add("billing", {"account:write"});
    auto const request = f.signed_by(key, "PUT", "/v1/accounts/acme", "{}");
    std::atomic<int> accepted = 0;
    at_once(16, 64, [&](int) { accepted += f.send(request).status != 401; });
    CHECK(accepted == 1);
    CHECK(f.store().find({"account", "acme"})->generation == 1);
}

TEST_CASE("every signed byte counts") {
    AuthFixture f;
    auto const key = f.add("billing", {"admin"});
    Request plain{"PUT", "/v1/accounts/acme?take_over=true", {}, put_body, "req"};
    plain.headers = {{"content-type", "application/json"}, {"if-match", "\"1\""}};
    auto const good = sign(plain, key, f.now());
    auto const before = f.rows();
    int wrong = 0;
    std::size_t flipped = 0;
    auto const flip = [&](auto const& part_of) {
        for (std::size_t at = 0; at < part_of(plain).size(); ++at)
            for (int bit = 0; bit < 8; ++bit) {
                auto bad = good;
                auto& part = part_of(bad);
                part[at] = static_cast<char>(part[at] ^ (1 << bit));
                wrong += alike(f.send(bad), unauthenticated()) ? 0 : 1;
                ++flipped;
            }
    };
    flip([](auto& r) -> auto& { return r.method; });
    flip([](auto& r) -> auto& { return r.target; });
    flip([](auto& r) -> auto& { return r.body; });
    flip([](auto& r) -> auto& { return r.headers.find("content-type")->second; });
    flip([](auto& r) -> auto& { return r.headers.find("if-match")->second; });
    for (std::size_t at = 0; at < good.headers.at("authorization").size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            auto bad = good;
            auto& byte = bad.headers.at("authorization")[at];
            byte = static_cast<char>(byte ^ (1 << bit));
            wrong += alike(f.send(bad), unauthenticated()) ? 0 : 1;
            ++flipped;
        }
    CHECK(wrong == 0);
    auto signed_bytes = good.method.size() + good.target.size() + good.body.size();
    for (auto const& [name, value] : good.headers) signed_bytes += value.size();
    CHECK(flipped == 8 * signed_bytes);
    CHECK(f.rows() == before);
    CHECK(f.send(good).status == 412);  // accepted: there is no generation 1
}

TEST_CASE("adding, removing or moving a part makes another request") {
    AuthFixture f;
    auto const key = f.add("billing", {"admin"});
    auto const good = f.signed_by(key, "PUT", "/v1/accounts/acme", "{}");
    auto const with = [&](std::string const& name, std::string const& value) {
        auto out = good;
        out.headers[name] = value;
        return out;
    };
    auto longer = good, shorter = good, bare = good;
    longer.body += "\n";
    shorter.body.pop_back();
    bare.headers.erase("authorization");
    for (auto const& bad :
         {with("if-match", "-"), with("if-match", ""), with("if-match", "\"1\""),
          with("content-type", "application/json"), with("content-type", "\n-"), longer, shorter, bare})
        CHECK(alike(f.send(bad), unauthenticated()));
    // Lines moved to another part of the request: the same string, but another request.
    Request first{"PUT", "/v1/accounts/acme", {{"content-type", "text/plain\n-"}}, "{}", "req"};
    CHECK(alike(f.send(sign(first, key, f.now())), unauthenticated()));
    CHECK(f.send(good).status == 202);
}

TEST_CASE("a target that is not plain is 400 for a key and 401 without one, and is valid once too") {
    AuthFixture f;
    auto const key = f.add("billing", {"read"});
    for (auto const* target :
         {"/v1/accounts/%61cme", "/v1/accounts/../packages", "/healthz", "*", "/v1", "//v1/info"}) {
        auto const request = f.signed_by(key, "GET", target);
        CHECK(f.send(request).status == 400);
        CHECK(alike(f.send(request), unauthenticated()));
        CHECK(alike(f.send({"GET", target, {}, "", "req"}), unauthenticated()));
    }
}

TEST_CASE("a clock difference of two minutes is accepted, a second more is not") {
    AuthFixture f;
    auto const key = f.add("billing", {"read"});
    auto const at = [&](std::int64_t ts) { return f.send(sign({"GET", "/v1/info", {}, "", "r"}, key, ts)).status; };
    CHECK(at(f.now() - 120) == 200);
    CHECK(at(f.now() + 120) == 200);
    CHECK(at(f.now() - 121) == 401);
    CHECK(at(f.now() + 121) == 401);
    CHECK(at(0) == 401);
    CHECK(at(999999999999) == 401);
}

TEST_CASE("a key is valid from its networks only, and looks unknown from elsewhere") {
    AuthFixture f;
    auto const key = f.add("billing", {"read"}, {"192.0.2.0/24", "2001:db8::/32"});
    for (auto const* from : {"192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"})
        CHECK(f.send(f.signed_by(key, "GET", "/v1/info"), from).status == 200);
    for (auto const* from : {"198.51.100.7", "::ffff:198.51.100.7", "2001:db9::7", "local", "", "::1"})
        CHECK(alike(f.send(f.signed_by(key, "GET", "/v1/info"), from), unauthenticated()));
}

TEST_CASE("a key over its rate limit gets 429, loses no nonce by it, and affects no other key") {
    AuthFixture f;
    f.per_second = 1;
    f.burst = 3;
    f.wire();
    auto const busy = f.add("busy", {"read"}), other = f.add("other", {"read"});
    for (int i = 0; i < 3; ++i) CHECK(f.ask(busy, "GET", "/v1/info").status == 200);
    auto const before = f.rows();
    auto const request = f.signed_by(busy, "GET", "/v1/info");
    auto const refused = f.send(request);
    CHECK(refused.status == 429);
    CHECK(refused.retry_after >= 1);
    CHECK(f.rows() == before);
    CHECK(f.ask(other, "GET", "/v1/info").status == 200);
    for (int i = 0; i < 10; ++i) {  // unauthenticated requests use no tokens
        auto forged = f.signed_by({other.kid, new_key_secret()}, "GET", "/v1/info");
        CHECK(f.send(forged).status == 401);
    }
    CHECK(f.ask(other, "GET", "/v1/info").status == 200);
}

TEST_CASE("unknown, expired, early and revoked keys take the work of a valid one and get the same answer") {
    AuthFixture f;
    auto const make = [&](std::string const& kid, std::optional<Time> from, std::optional<Time> until) {
        ApiKey key;
        key.kid = kid;
        key.secret = new_key_secret();
        key.scopes = {"admin"};
        key.not_before = from;
        key.expires = until;
        f.store().add_key(key, Actor{});
        return Signer{kid, key.secret};
    };
    auto const now = f.clock.now();
    auto const hour = std::chrono::hours(1);
    std::vector<Signer> bad{make("expired", std::nullopt, now), make("early", now + hour, std::nullopt),
                            make("revoked", std::nullopt, std::nullopt), Signer{"unknown", new_key_secret()}};
    auto const good = make("good", now, now + hour);
    REQUIRE(f.store().revoke_key("revoked", Actor{}));
    bad.push_back({"good", new_key_secret()});
    for (auto const& key : bad) {
        INFO(key.kid);
        CHECK(alike(f.ask(key, "PUT", "/v1/accounts/acme", "{}"), unauthenticated()));
        auto const tried = f.ring().candidates(key.kid, now);  // as many MACs of the same length
        CHECK(tried.size() == 2);
        for (auto const& candidate : tried) {
            CHECK(candidate.secret.reveal().size() == 32);
            CHECK((candidate.key == nullptr || key.kid == "good"));
        }
    }
    CHECK(f.ask(good, "PUT", "/v1/accounts/acme", "{}").status == 202);
    for (auto const& word : {"", "Bearer x", "GNS1-HMAC-SHA256 kid=good"})
        CHECK(alike(f.send({"GET", "/v1/info", {{"authorization", word}}, "", "r"}), unauthenticated()));
}

TEST_CASE("a secret that no generator makes is not accepted") {
    AuthFixture f;
    for (auto const& secret :
         {std::string(), std::string("short"), std::string(32, '\0'), std::string(32, 'A'), std::string(64, 'k')}) {
        ApiKey key;
        key.kid = "weak" + std::to_string(secret.size()) + (secret.empty() || secret[0] == '\0' ? "-zero" : "");
        key.secret = Secret(secret);
        key.scopes = {"admin"};
        f.store().add_key(key, Actor{});
        CHECK(f.ask({key.kid, key.secret}, "GET", "/v1/info").status == 401);
    }
}

TEST_CASE("the answer to a signed request is signed with its key, other answers are not") {
    AuthFixture f;
    auto const key = f.add("billing", {"read"});
    auto const request = f.signed_by(key, "GET", "/v1/info");
    auto const identity = f.requests().authenticate(request, {std::nullopt, "192.0.2.7"});
    REQUIRE(identity.has_value());
    CHECK(identity->who == "key billing");
    CHECK(identity->scopes == std::vector<std::string>{"read"});
    CHECK_FALSE(identity->local);
    REQUIRE(identity->reply);
    CHECK(identity->reply->kid == "billing");
    CHECK(identity->reply->key == key.secret);
    REQUIRE(identity->nonce);
    CHECK(identity->reply->nonce == identity->nonce->value);
}

}  // namespace
}  // namespace genesis
