// The answers of the API over a real socket.
#include "reconciler/api/http/api_fixture.hpp"
#include "reconciler/api/routes/dispatch.hpp"
#include "tests/support/lowered_limit.hpp"

#include <SQLiteCpp/Database.h>

#include <catch2/catch.hpp>

namespace genesis {
namespace {

TEST_CASE("a put stores the spec, answers created, changed or unchanged, and wakes the loop") {
    ApiFixture f;
    auto reply = f.ask("PUT", "/v1/accounts/acme", R"({"contact": "a@b.example"})");
    CHECK(reply.status == 202);
    CHECK(reply.body().at("result") == "created");
    CHECK(reply.body().at("kind") == "account");
    CHECK(reply.has("ETag: \"1\""));
    CHECK(reply.has("X-Request-Id: "));
    CHECK(f.engine.last() == "wake account/acme");
    f.engine.calls.clear();
    reply = f.ask("PUT", "/v1/accounts/acme", R"({"kind": "account", "name": "acme", "contact": "a@b.example"})");
    CHECK(reply.status == 200);
    CHECK(reply.body().at("result") == "unchanged");
    CHECK(f.engine.calls.empty());
    reply = f.ask("PUT", "/v1/accounts/acme", "{}", "Content-Type: application/json; charset=utf-8\r\n");
    CHECK(reply.status == 202);
    CHECK(reply.body().at("generation") == 2);
}

TEST_CASE("an object is shown with its status and without secrets") {
    ApiFixture f;
    f.ask("PUT", "/v1/accounts/acme",
          R"({"databases": [{"name": "shop", "users": [{"name": "web", "password": "MARKER-4711"}]}]})");
    f.engine.ready["account/acme"] = Truth::yes;
    auto const reply = f.ask("GET", "/v1/accounts/acme");
    CHECK(reply.status == 200);
    CHECK(reply.has("ETag: \"1\""));
    CHECK(reply.text.find("MARKER") == std::string::npos);
    auto const body = reply.body();
    CHECK(body.at("spec").at("databases").at(0).at("users").at(0).at("password") == "********");
    CHECK(body.at("status").at("conditions").at(0).at("type") == "ready");
    CHECK(body.at("status").at("allocations") ==
          parse_json(R"([{"slot": "uid", "space": "uid", "pool": "", "value": "20000", "why": ""}])").value());
    CHECK(body.at("terminating").is_null());
    CHECK(body.at("source") == "api");
    auto spec = body.at("spec").as_object();
    CHECK(f.ask("PUT", "/v1/accounts/acme", json::serialize(spec)).body().at("result") == "unchanged");
}

TEST_CASE("a bad spec is refused with all its problems at their pointers") {
    ApiFixture f;
    auto const reply = f.ask("PUT", "/v1/accounts/acme", R"({"nonsense": 1, "sites": [{"domain": "Bad"}]})");
    CHECK(reply.status == 422);
    CHECK(reply.has("Content-Type: application/problem+json"));
    CHECK(reply.code() == "invalid");
    CHECK(reply.body().at("problems").as_array().size() == 2);
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{").status == 400);
    CHECK(f.ask("PUT", "/v1/accounts/acme", R"({"a": 1, "a": 2})").code() == "malformed");
    CHECK(f.ask("PUT", "/v1/accounts/acme", "").status == 400);
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{}", "Content-Type: text/plain\r\n").status == 415);
    CHECK(f.ask("PUT", "/v1/accounts/acme", R"({"name": "other"})").status == 422);
    CHECK(f.ask("PUT", "/v1/accounts/backup", "{}").code() == "reserved");
    CHECK(f.ask("PUT", "/v1/accounts/_x", "{}").status == 422);
    CHECK(f.store().objects("").empty());
}

TEST_CASE("a dry run of a DELETE is refused like the DELETE, and shows its plan") {
    ApiFixture f;
    auto const both = [&](std::string const& target, std::string const& headers = "") {
        auto const dry = f.ask("DELETE", target + "?dry_run=true", "", headers);
        auto const real = f.ask("DELETE", target, "", headers);
        if (dry.status >= 400) CHECK(dry.code() == real.code());
        return std::pair{dry.status, real.status};
    };
    CHECK(both("/v1/accounts/acme") == std::pair{200, 200});
    f.ask("PUT", "/v1/packages/starter", "{}");
    f.ask("PUT", "/v1/accounts/acme", R"({"package": "starter"})");
    CHECK(both("/v1/packages/starter") == std::pair{409, 409});
    f.store().set_source({"account", "acme"}, "file:acme.yaml").value();
    CHECK(both("/v1/accounts/acme") == std::pair{409, 409});
    f.store().set_source({"account", "acme"}, "api").value();
    CHECK(both("/v1/accounts/acme", "If-Match: \"7\"\r\n") == std::pair{412, 412});
    CHECK(both("/v1/accounts/acme", "If-Match: 1\r\n") == std::pair{400, 400});
    f.clock.milliseconds += 30LL * 24 * 3600 * 1000;
    CHECK(f.ask("DELETE", "/v1/accounts/acme?dry_run=true").status == 200);
    REQUIRE(f.engine.previewed);
    CHECK(f.engine.previewed->generation == 2);
    CHECK(f.engine.previewed->terminating == f.clock.now());
    CHECK(both("/v1/accounts/acme", "If-Match: \"1\"\r\n") == std::pair{200, 202});
    CHECK(both("/v1/accounts/acme", "If-Match: \"1\"\r\n") == std::pair{412, 412});
}

TEST_CASE("metrics and probes work while the keys cannot be read") {
    struct NoKeys final : Keys {
        bool add_key(ApiKey const&, Actor const&) override { throw Fault("disk"); }
        std::vector<ApiKey> keys() override { throw Fault("disk"); }
        bool expire_key(std::string const&, Time, Actor const&) override { throw Fault("disk"); }
        std::optional<ApiKey> rotate_key(std::string const&, Secret const&, Time, Actor const&) override {
            throw Fault("disk");
        }
        bool revoke_key(std::string const&, Actor const&) override { throw Fault("disk"); }
        std::int64_t keys_version() override { throw Fault("disk"); }
        bool consume(Actor&) override { throw Fault("disk"); }
        void consume(Actor&, Completion<bool>) override { throw Fault("disk"); }
    } no_keys;
    ApiFixture f;
    auto const s = f.service(f.store());
    Service const keyless{s.store,  s.ledger,   no_keys, s.trail, s.admission,
                          s.engine, s.settings, s.log,   s.clock, s.metrics};
    for (auto const* target : {"/metrics", "/healthz", "/readyz"})
        CHECK(dispatch_and_wait(keyless, ProbesOnly(), {"GET", target, {}, "", ""}, {}).answer.status == 200);
    CHECK(dispatch_and_wait(keyless, Anybody(), {"GET", "/v1/events", {}, "", ""}, {}).answer.status == 503);
}

TEST_CASE("If-Match and If-None-Match are refused where they are not evaluated") {
    ApiFixture f;
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK(f.ask("DELETE", "/v1/accounts/acme", "", "If-None-Match: *\r\n").status == 400);
    CHECK(f.ask("POST", "/v1/accounts/acme/pause", "", "If-None-Match: *\r\n").status == 400);
    for (auto const* query : {"", "?dry_run=true"})
        CHECK(f.ask("DELETE", std::string("/v1/accounts/absent") + query, "", "If-Match: \"0\"\r\n").status == 412);
    CHECK(f.ask("PUT", "/v1/accounts/absent", "{}", "If-Match: \"0\"\r\n").status == 412);
    for (auto const* target :
         {"/v1/accounts/acme/pause", "/v1/accounts/acme/reconcile", "/v1/accounts/acme/credentials", "/v1/pause"})
        CHECK(f.ask("POST", target, "", "If-Match: \"1\"\r\n").status == 400);
    CHECK_FALSE(f.store().find({"account", "acme"})->paused);
}

TEST_CASE("preconditions, owners and taken names are conflicts with codes of their own") {
    ApiFixture f;
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{}", "If-Match: \"1\"\r\n").status == 412);
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{}", "If-None-Match: *\r\n").status == 202);
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{}", "If-None-Match: *\r\n").code() == "precondition_failed");
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{}", "If-Match: 1\r\n").status == 400);
    CHECK(f.ask("PUT", "/v1/accounts/acme", "{}", "If-Match: \"1\"\r\n").status == 200);
    f.ask("PUT", "/v1/accounts/beta", R"({"sites": [{"domain": "x.example"}]})");
    auto const taken = f.ask("PUT", "/v1/accounts/acme", R"({"sites": [{"domain": "x.example"}]})");
    CHECK(taken.status == 409);
    CHECK(taken.code() == "domain_taken");
    CHECK(taken.text.find("beta") == std::string::npos);
    f.store().set_source({"account", "acme"}, "file:acme.yaml").value();
    auto const owned =
        f.ask("PUT", "/v1/accounts/acme", R"({"state": "suspended"})", "X-Genesis-Source: file:acme.yaml\r\n");
    CHECK(owned.status == 409);
    CHECK(owned.text.find("file:acme.yaml") != std::string::npos);
    CHECK(f.ask("DELETE", "/v1/accounts/acme").status == 409);
    CHECK(f.ask("PUT", "/v1/accounts/acme?take_over=true", R"({"state": "suspended"})").status == 202);
}

TEST_CASE("a dry run shows the plan and stores nothing") {
    ApiFixture f;
    auto reply = f.ask("PUT", "/v1/accounts/acme?dry_run=true", "{}");
    CHECK(reply.status == 200);
    CHECK(reply.body().contains("steps"));
    CHECK(f.engine.last() == "preview account/acme");
    CHECK(f.ask("GET", "/v1/accounts/acme").status == 404);
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK(f.ask("DELETE", "/v1/accounts/acme?dry_run=true").status == 200);
    CHECK(f.engine.last() == "preview account/acme removed");
    CHECK_FALSE(f.store().find({"account", "acme"})->terminating);
    f.engine.stopping = true;
    reply = f.ask("PUT", "/v1/accounts/acme?dry_run=true", "{}");
    CHECK(reply.status == 503);
    CHECK(reply.has("Retry-After: 1"));
}

TEST_CASE("a delete starts termination, is idempotent, and absent is not an error") {
    ApiFixture f;
    CHECK(f.ask("DELETE", "/v1/accounts/acme").body().at("result") == "absent");
    f.ask("PUT", "/v1/accounts/acme", "{}");
    CHECK(f.ask("DELETE", "/v1/accounts/acme").status == 202);
    CHECK(f.ask("DELETE", "/v1/accounts/acme?purge=true").body().at("result") == "terminating");
    CHECK(f.store().find({"account", "acme"})->purge);
    CHECK(f.ask("GET", "/v1/accounts/acme").body().at("terminating").is_string());
}

TEST_CASE("lists have pages and a filter for ready objects") {
    ApiFixture f;
    for (auto const* name : {"alpha", "bravo", "charlie", "delta", "echo"})
        f.ask("PUT", std::string("/v1/accounts/") + name, "{}");
    f.engine.ready = {{"account/alpha", Truth::yes}, {"account/charlie", Truth::yes}, {"account/echo", Truth::yes}};
    auto names = [&](std::string const& query) {
        auto const body = f.ask("GET", "/v1/accounts" + query).body();
        std::string out;
        for (auto const& item : body.at("items").as_array()) out += std::string(item.at("name").as_string()) + " ";
        return out + "| " + std::string(body.at("next").as_string());
    };
    CHECK(names("") == "alpha bravo charlie delta echo | ");
    CHECK(names("?limit=2") == "alpha bravo | bravo");
    CHECK(names("?limit=2&after=delta") == "echo | ");
    CHECK(names("?limit=5") == "alpha bravo charlie delta echo | ");
    CHECK(names("?ready=true") == "alpha charlie echo | ");
    CHECK(names("?ready=false&limit=1") == "bravo | bravo");
    CHECK(names("?ready=true&limit=2&after=alpha") == "charlie echo | ");
    f.engine.observed["account/charlie"] = 1;
    f.ask("PUT", "/v1/accounts/charlie", R"({"state": "suspended"})");
    CHECK(names("?ready=true") == "alpha echo | ");  // its status is of the former generation
    CHECK(f.ask("GET", "/v1/packages").body().at("items").as_array().empty());
    for (auto const* bad :
         {"?limit=0", "?limit=1001", "?limit=x", "?limit=", "?ready=yes", "?nonsense=1", "?limit=1&limit=2"})
        CHECK(f.ask("GET", std::string("/v1/accounts") + bad).status == 400);
}

TEST_CASE("drift has steps and holds with want, have and since") {
    ApiFixture f;
    f.ask("PUT", "/v1/accounts/acme", "{}");
    Ref const acme{"account", "acme"};
    AnyStep const step{Verb::update, {"directory", "/a"}, acme, {}, {}, {{"/mode", "0755", "0750"}}, {}};
    f.engine.next_plan.steps = {{step, Cause::drifted}};
    f.engine.next_plan.holds = {
        {{"directory", "/b"}, acme, Verb::remove, Cause::spec_changed, HoldReason::paused, "it is paused", {}}};
    RecordStatus record;
    record.kind = "directory";
    record.key = "/a";
    record.since = "2026-11-23T10:00:00.000Z";
    bool const known =
        GENERATE(true, false);  // to differ; a record that was last seen in sync differs since nobody knows when
    record.state = known ? SyncState::differs : SyncState::in_sync;
    f.engine.records = {record};
    f.engine.next_plan.unreachable = {{"database", "does not answer"}};
    for (auto const* path : {"/v1/accounts/acme/drift", "/v1/drift"}) {
        auto const body = f.ask("GET", path).body();
        CHECK(body.at("unreachable").at("database") == "does not answer");
        auto const items = body.at("items").as_array();
        REQUIRE(items.size() == 2);
        CHECK(items[0].at("verb") == "update");
        CHECK(items[0].at("since") == (known ? "2026-11-23T10:00:00.000Z" : ""));
        CHECK(items[0].at("changes").at(0).at("want") == "0750");
        CHECK(items[0].at("changes").at(0).at("have") == "0755");
        CHECK(items[1].at("verb") == "hold");
        CHECK(items[1].at("reason") == "paused");
    }
    CHECK(f.ask("GET", "/v1/accounts/acme/plan").body() == describe(f.engine.next_plan));
    CHECK(f.ask("GET", "/v1/plan").body() == describe(f.engine.next_plan));
    CHECK(f.ask("GET", "/v1/accounts/none/drift").status == 404);
    CHECK(f.ask("GET", "/v1/accounts/none/plan").status == 404);
}

TEST_CASE("objects and the server are controlled, credentials are shown once") {
    ApiFixture f;
    CHECK(f.ask("POST", "/v1/accounts/acme/pause").status == 404);
    CHECK(f.ask("POST", "/v1/accounts/acme/reconcile").status == 404);
    CHECK(f.ask("POST", "/v1/accounts/acme/credentials").status == 404);
    f.ask("PUT", "/v1/accounts/acme", R"({"databases": [{"name": "shop", "users": [{"name": "web"}]}]})");
    CHECK(f.ask("POST", "/v1/accounts/acme/pause").body().at("generation") == 1);
    CHECK(f.ask("GET", "/v1/accounts/acme").body().at("paused") == true);
    CHECK(f.ask("POST", "/v1/accounts/acme/resume").status == 200);
    CHECK(f.ask("POST", "/v1/accounts/acme/adopt").status == 200);
    CHECK(f.store().find({"account", "acme"})->adopt);
    CHECK(f.ask("POST", "/v1/accounts/acme/take-over").status == 200);
    CHECK(f.ask("POST", "/v1/accounts/acme/reconcile?confirm_removals=true").status == 202);
    CHECK(f.store().find({"account", "acme"})->confirmed_generation == 1);
    CHECK(f.engine.last() == "wake account/acme");
    CHECK(f.ask("POST", "/v1/reconcile").status == 202);
    CHECK(f.engine.last() == "wake_all");
    CHECK(f.ask("POST", "/v1/pause").status == 200);
    CHECK(f.store().all_paused());
    CHECK(f.ask("GET", "/v1/info").body().at("all_paused") == true);
    CHECK(f.engine.last() == "wake_all");
    auto const noted = f.store().audit(0, 1).front();
    CHECK(noted.action + " " + noted.object.kind == "pause node");
    CHECK(f.ask("POST", "/v1/resume").status == 200);
    CHECK_FALSE(f.store().all_paused());
    CHECK(f.ask("GET", "/v1/info").body().at("all_paused") == false);
    auto const credentials = f.ask("POST", "/v1/accounts/acme/credentials").body().at("credentials").as_array();
    REQUIRE(credentials.size() == 1);
    CHECK(credentials[0].at("label") == "databases/shop/users/web");
    CHECK(credentials[0].at("secret").as_string().size() == 24);
    CHECK(f.ask("POST", "/v1/accounts/acme/credentials").body().at("credentials").as_array().empty());
}

TEST_CASE("history, info and the probes") {
    ApiFixture f;
    AnyStep step;
    step.ref = {"directory", "/a"};
    step.object = {"account", "acme"};
    f.store().intend(std::vector{step}, std::vector<std::string>{"drifted"});
    auto const line = f.ask("GET", "/v1/accounts/acme/history?limit=5").body().at("items").at(0);
    CHECK(line.at("object") == "account/acme");
    CHECK(line.at("verb") == "create");
    CHECK(line.at("at") == "2027-01-15T08:00:00.000Z");
    CHECK(f.ask("GET", "/v1/history?before=1").body().at("items").as_array().empty());
    CHECK(f.ask("GET", "/v1/info").body().at("audience") == "node:node1");
    CHECK(f.ask("GET", "/healthz").status == 200);
    CHECK(f.ask("GET", "/readyz").status == 200);
    f.engine.reasons = {"no full pass yet"};
    CHECK(f.ask("GET", "/readyz").status == 503);
    CHECK(f.ask("GET", "/openapi.json").body() == openapi());
}

TEST_CASE("healthz writes to the store, at most once a second, and says why that cannot be done") {
    ApiFixture f;
    auto const writes = [&] {
        SQLite::Database db(f.path(), SQLite::OPEN_READONLY);
        return db.execAndGet("SELECT value FROM marks WHERE name = 'probed'").getInt();
    };
    auto const later = [&](std::string const& probe) {
        f.clock.ahead += 1000;
        return f.ask("GET", probe);
    };
    for (int i = 0; i < 20; ++i) CHECK(f.ask("GET", i % 2 == 0 ? "/healthz" : "/readyz").status == 200);
    auto const before = writes();
    CHECK(later("/healthz").status == 200);
    CHECK(writes() == before + 1);
    {
        test::LoweredLimit const full(RLIMIT_FSIZE, 1);
        auto const reply = later("/healthz");
        CHECK(reply.status == 503);
        CHECK(reply.code() == "unhealthy");
        CHECK(reply.text.find("the store cannot write: ") != std::string::npos);
        CHECK(later("/readyz").status == 503);
    }
    CHECK(later("/healthz").status == 200);
}

// Every $ref refers to a component of the document.
void check_refs(json::value const& value, json::object const& schemas) {
    if (auto const* list = value.if_array())
        for (auto const& item : *list) check_refs(item, schemas);
    if (auto const* object = value.if_object())
        for (auto const& kv : *object) {
            if (kv.key() == "$ref") {
                auto const ref = std::string(kv.value().as_string());
                INFO(ref);
                CHECK(schemas.contains(ref.substr(std::string("#/components/schemas/").size())));
            }
            check_refs(kv.value(), schemas);
        }
}

TEST_CASE("the OpenAPI document has every route of every kind once, and no dangling reference") {
    auto const document = openapi();
    auto const& paths = document.at("paths").as_object();
    std::size_t operations = 0, expected = 0;
    std::set<std::string> ids;
    for (auto const& path : paths)
        for (auto const& method : path.value().as_object()) {
            ++operations;
            CHECK(ids.insert(std::string(method.value().at("operationId").as_string())).second);
        }
    for (auto const& route : routes())
        expected += route.path.find("{kind}") == std::string_view::npos ? 1 : object_kinds().size();
    CHECK(operations == expected);
    CHECK(paths.at("/v1/accounts/{name}").as_object().contains("put"));
    check_refs(document, document.at("components").at("schemas").as_object());
    CHECK(openapi() == document);
}

TEST_CASE("requests are counted by their route, never by text from a caller") {
    ApiFixture f;
    CHECK(f.ask("GET", "/v1/accounts/nobody").status == 404);
    CHECK(f.ask("GET", "/v1/made-up-by-a-caller").status == 404);
    CHECK(f.ask("POST", "/v1/accounts/acme", "").status == 405);
    auto const reply = f.ask("GET", "/metrics");
    REQUIRE(reply.status == 200);
    CHECK(reply.has("Content-Type: text/plain; version=0.0.4"));
    CHECK(reply.text.find(R"(genesis_http_requests_total{method="GET",route="/v1/{kind}/{name}",status="404"} 1)") !=
          std::string::npos);
    CHECK(reply.text.find(R"(genesis_http_requests_total{method="none",route="none",status="404"} 1)") !=
          std::string::npos);
    CHECK(reply.text.find("made-up") == std::string::npos);
}

TEST_CASE("the connection that scrapes the metrics is counted in them") {
    Anybody anybody;
    ApiFixture f;
    Wire const other(f.open(anybody));
    bool counted = false;
    for (int i = 0; i < 1000 && !counted; ++i)  // a new connection may not be counted yet
        counted = f.ask("GET", "/metrics").text.find("\ngenesis_http_connections 2\n") != std::string::npos;
    CHECK(counted);
}

}  // namespace
}  // namespace genesis
