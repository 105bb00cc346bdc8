// Every secret a spec can hold is a marker that no one else has: it must appear nowhere that people or programs look.
#include "reconciler/api/routes/dispatch.hpp"
#include "reconciler/api/routes/openapi_conformance.hpp"
#include "reconciler/webhooks/webhooks.hpp"
#include "tests/support/bed.hpp"
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

using namespace genesis;
using namespace genesis::test;

namespace {

constexpr std::string_view marker = "MARKERq7Zx";  // followed by a number

// The secret fields of a schema, with * for what stands in a list or a map.
void secret_fields(Schema const& schema, std::string const& at, std::set<std::string>& out);
void secret_fields(Shape const& shape, std::string const& at, std::set<std::string>& out) {
    if (shape.type == Type::secret) out.insert(at);
    if (shape.type == Type::record) secret_fields(*shape.record, at, out);
    if (shape.type == Type::list || shape.type == Type::map) secret_fields(*shape.item, at + "/*", out);
    if (shape.type == Type::or_none) secret_fields(*shape.item, at, out);
}
void secret_fields(Schema const& schema, std::string const& at, std::set<std::string>& out) {
    for (auto const& f : schema.fields) {
        auto const path = at + "/" + std::string(f.name);
        if (has(f.attributes, Attribute::secret)) out.insert(path);
        secret_fields(f.shape, path, out);
    }
}

std::string starred(std::string const& pointer) {
    std::string out;
    for (std::size_t i = 0; i < pointer.size();) {
        auto const end = std::min(pointer.find('/', i + 1), pointer.size());
        auto const segment = pointer.substr(i + 1, end - i - 1);
        bool const number = std::all_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; });
        out += number ? "/*" : "/" + segment;
        i = end;
    }
    return out;
}

// A spec of each kind that has every field a secret may be in. A new secret field is added here, or the test says so.
std::map<std::string, std::string> const specs{
    {"account", R"({"sites": [{"domain": "acme.example", "php": {"version": "8.2"}, "tls": {"mode": "supplied",
        "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}}],
        "databases": [{"name": "shop", "users": [{"name": "web", "password": "to-be-replaced"},
        {"name": "made", "privileges": "read"}]}]})"},
    {"package", R"({"limits": {"tasks": 100}})"},
};

class Marked {
public:
    Marked() {
        Service const s = service();
        for (auto const& kind : object_kinds()) {
            auto const name = std::string(kind.schema->kind);
            INFO("add a spec of " << name << " with all its secrets to this test");
            REQUIRE(specs.contains(name));
        }
    }

    // The spec of a kind with a marker of its own in every secret, and which fields those are.
    json::object mark(ObjectKind const& kind, std::set<std::string>& visited) {
        auto spec = json::parse(specs.at(std::string(kind.schema->kind))).as_object();
        each_secret(*kind.schema, spec, [&](std::string const& pointer, json::value& secret) {
            if (!secret.is_string()) return;
            visited.insert(starred(pointer));
            auto const text = std::string(marker) + std::to_string(++made_);
            auto const was = std::string(secret.as_string());
            secret = was.starts_with("-----") ? "-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----\n"
                                              : text;
        });
        return spec;
    }

    DispatchResult ask(std::string const& method, std::string const& target, std::string const& body = "") {
        Request request;
        request.method = method;
        request.target = target;
        request.body = body;
        request.id = "req-" + std::to_string(++made_);
        auto out = dispatch_and_wait(service(), anyone_, request, {});
        hold(method, target, out.answer);
        said_ += "\n" + method + " " + target + " " + std::to_string(out.answer.status) + "\n" +
                 json::serialize(out.answer.body) + out.answer.text;
        return out;
    }

    // Everything that was said so far, and all that is kept in clear.
    std::string everything() {
        std::string out = said_ + metrics_.text();
        for (auto const& e : trail().events(0, 10000)) out += json::serialize(describe(e));
        {
            std::lock_guard const lock(bed.log.mutex);
            for (auto const& line : bed.log.lines) out += line + "\n";
        }
        for (auto const& call : bed.world.calls) out += call + "\n";
        for (auto const& e : std::filesystem::recursive_directory_iterator(bed.root.path()))
            if (e.is_regular_file()) out += read_file(e.path().string());
        return out;
    }
    Trail& trail() { return *bed.store; }

    Bed bed{settings()};

private:
    struct BedEngine final : Engine {
        explicit BedEngine(Bed& b) : bed(b) {}
        void wake(Ref const&) override {}
        void wake_all() override {}
        static std::future<Plan> ready(Plan plan) {
            std::promise<Plan> out;
            out.set_value(std::move(plan));
            return out.get_future();
        }
        std::future<Plan> plan(std::optional<Ref> const& object) override { return ready(bed.examine(object)); }
        std::future<Plan> preview(Object const& object) override { return ready(bed.preview(object)); }
        Status status(Object const& object) override { return bed.cache->status(object); }
        std::vector<std::string> not_ready() override { return {}; }
        Bed& bed;
    };
    struct Anyone final : Authenticator {
        [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const&,
                                                                           Connection const&) const override {
            return Identity{"key billing"};
        }
    };
    ReconcilerSettings settings() {
        auto out = Bed::quick();
        out.metrics = &metrics_;
        return out;
    }
    Service service() {
        return {*bed.store, *bed.store, *bed.store, trail(), admission_, engine_, {}, bed.log, bed.clock, &metrics_};
    }

    Metrics metrics_;
    BedEngine engine_{bed};
    Admission admission_{*bed.store, bed.reserved};
    Anyone anyone_;
    std::string said_;
    ConformsToOpenApi described_;
    int made_ = 0;
};

// Says what stands around it where it is found.
void check_nowhere(std::string const& text) {
    auto const at = text.find(marker);
    if (at != std::string::npos) FAIL_CHECK(text.substr(at < 200 ? 0 : at - 200, 400));
}

}  // namespace

TEST_CASE("a secret of a spec appears in no answer, log, event, metric, plan, drift, history, audit row or file") {
    Marked world;
    bool given = false;
    for (auto const& kind : object_kinds()) {
        std::set<std::string> fields, visited;
        secret_fields(*kind.schema, "", fields);
        auto const base = "/v1/" + std::string(kind.plural) + "/acme";
        auto const spec = json::serialize(world.mark(kind, visited));
        INFO(kind.schema->kind << " has a secret field that this test's spec does not: add it");
        REQUIRE(visited == fields);
        CHECK(world.ask("PUT", base + "?dry_run=true", spec).answer.status == 200);
        REQUIRE(world.ask("PUT", base, spec).answer.status == 202);
        world.ask("GET", base + "/plan");
        world.bed.world.fail["mariadb"] = 1;
        world.bed.pass();
        world.ask("GET", base);
        world.bed.clock.advance(std::chrono::minutes(10));
        world.bed.converge();
        auto const stored = world.bed.store->find({std::string(kind.schema->kind), "acme"});
        REQUIRE(stored.has_value());
        given = given || json::serialize(stored->spec).find(marker) != std::string::npos;
        std::set<std::string> again;
        auto const other = json::serialize(world.mark(kind, again));
        world.ask("PUT", base + "?dry_run=true", other);
        world.ask("PUT", base, other);
        for (auto const* view : {"", "/plan", "/drift", "/history"}) world.ask("GET", base + view);
        world.bed.converge();
        for (auto& [ref, record] : world.bed.world.records)
            each_secret(*world.bed.reconciler->kinds().at(ref.kind).schema, record,
                        [](std::string const&, json::value& secret) { secret = "drifted by hand"; });
        for (auto const* view : {"", "/plan", "/drift"}) world.ask("GET", base + view);
        world.bed.converge();
        for (auto const* view : {"", "/plan", "/drift", "/history"}) world.ask("GET", base + view);
        world.ask("POST", base + "/credentials");
        world.ask("GET", "/v1/" + std::string(kind.plural));
        world.ask("DELETE", base + "?dry_run=true");
    }
    for (auto const* target : {"/v1/plan", "/v1/drift", "/v1/history", "/v1/audit", "/v1/info", "/metrics", "/readyz"})
        world.ask("GET", target);
    check_nowhere(world.everything());
    CHECK(given);  // they are stored: what was not found was there to be found
}

TEST_CASE("a spec that is refused is refused without a word of its secrets") {
    Marked world;
    std::string const m(marker);
    auto const user = [](std::string const& password) {
        return R"({"databases": [{"name": "shop", "users": [{"name": "web", "password": )" + password + "}]}]}";
    };
    for (auto const& bad :
         {user("\"" + m + "\\u0007\""), user("\"" + m + std::string(200, 'x') + "\""), user("[\"" + m + "\"]"),
          user("{\"x\": \"" + m + "\"}"), user("\"" + m + "\", \"password\": \"" + m + "\""), user("\"" + m + "\n\""),
          user("\"" + m), user("'" + m + "'"), user(m), user("\"" + m + "\\ud800\""), user("\"" + m + "\xff\""),
          user("\"" + m + "1\"}, {\"name\": \"web\", \"password\": \"" + m + "2\""),
          std::string(R"({"sites": [{"domain": "acme.example", "tls": {"mode": "supplied", "key": ")") + m + R"("}}]})",
          std::string(R"({"sites": [{"domain": "acme.example", "tls": {"mode": "supplied", "certificate": ")") + m +
              R"("}}]})",
          std::string(R"({"sites": [{"domain": "acme.example", "tls": {"mode": "none", "key": "-----BEGIN X-----\n)") +
              m + R"(\n-----END X-----\n"}}]})"}) {
        INFO(bad);
        auto const status = world.ask("PUT", "/v1/accounts/acme", bad).answer.status;
        CHECK((status == 400 || status == 422));
        auto const dry = world.ask("PUT", "/v1/accounts/acme?dry_run=true", bad).answer.status;
        CHECK((dry == 400 || dry == 422));
    }
    check_nowhere(world.everything());
}
