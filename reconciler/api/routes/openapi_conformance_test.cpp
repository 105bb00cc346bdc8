// The conformance check finds wrong answers, directly and through each fixture.
#include "reconciler/api/auth/auth_fixture.hpp"
#include "reconciler/api/http/api_fixture.hpp"

#include <SQLiteCpp/Database.h>

#include <catch2/catch.hpp>

namespace genesis {
namespace {

std::string const fine;

json::object info() {
    return {{"node", "web1"},  {"audience", "node:web1"},       {"version", "1"}, {"socket", ""}, {"all_paused", false},
            {"listen", {"a"}}, {"spec_problems", json::array()}};
}
std::string found(json::value const& body, int status = 200, std::string_view type = "application/json") {
    return ResponseCheck().find("GET", "/v1/info", status, type, body);
}

TEST_CASE("an answer that does not conform is found, with the place") {
    CHECK(found(info()) == fine);
    auto const with = [](std::string_view member, json::value const& value) {
        auto out = info();
        out[member] = value;
        return out;
    };
    auto missing = info();
    missing.erase("node");
    CHECK(found(missing) == "/node: missing");
    CHECK(found(with("node", 1)) == "/node: type");
    CHECK(found(with("listen", {"a", nullptr})) == "/listen/*: type");
    CHECK(found(with("more", "x")) == "/more: not described");
    CHECK(found(json::array()) == ": type");
    CHECK(found(info(), 202) != fine);
    CHECK(found(info(), 200, "text/plain") != fine);
    CHECK(found(info(), 404) != fine);
}

TEST_CASE("a problem must conform too, also where no route matched") {
    constexpr std::string_view type = "application/problem+json";
    auto body = problem(404, "not_found", "there is none").body;
    ResponseCheck const check;
    CHECK(found(body, 404, type) == fine);
    CHECK(check.find("NONSENSE", "*", 404, type, body) == fine);
    CHECK(found(body, 409, type) == "/status: another one than the answer's");
    CHECK(check.find("GET", "/v1/nonsense", 200, "application/json", info()) != fine);
    body.as_object()["problems"] = json::array{{{"path", "/name"}}};
    CHECK(found(body, 404, type) == "/problems/*/code: missing");
}

TEST_CASE("an unknown keyword in the document is a finding") {
    auto document = openapi();
    document.at("components").at("schemas").at("info").as_object()["dependentRequired"] = json::object();
    ResponseCheck const puzzled(std::move(document));
    CHECK(puzzled.find("GET", "/v1/info", 200, "application/json", info()) != fine);
}

// The only finding, removed so that it does not fail the test.
std::string only_finding() {
    auto const all = Findings::all().take();
    return all.size() == 1 ? all.front() : std::to_string(all.size()) + " findings";
}

// The changes of an audit entry are stored and answered as JSON, so they can be made invalid.
void spoil_audit(StoreFixture& f) {
    put(f.store(), account("acme"));
    SQLite::Database(f.path(), SQLite::OPEN_READWRITE).exec("UPDATE audit SET changes = '[1]'");
}

TEST_CASE("each fixture finds a wrong answer by itself") {
    ApiFixture over_socket;
    spoil_audit(over_socket);
    over_socket.ask("GET", "/v1/audit");
    CHECK(only_finding().starts_with("GET /v1/audit 200: /items/*/changes/*: type in {"));
    AuthFixture in_process;
    spoil_audit(in_process);
    in_process.ask_locally("GET", "/v1/audit");
    CHECK(only_finding().starts_with("GET /v1/audit 200: /items/*/changes/*: type in {"));
    in_process.ask(in_process.add("billing", {"admin"}), "GET", "/v1/audit");
    CHECK(only_finding().starts_with("GET /v1/audit 200: /items/*/changes/*: type in {"));
    over_socket.ask("HEAD", "/v1/audit");
    over_socket.ask("GET", "/v1/info");
    CHECK(only_finding() == "0 findings");
}

}  // namespace
}  // namespace genesis
