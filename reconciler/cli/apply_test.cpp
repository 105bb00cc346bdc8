// What apply, plan and wait say of several objects that belong together.
#include "reconciler/cli/cli_fixture.hpp"

#include <algorithm>

namespace genesis::cli {
namespace {

std::string condition_of(std::string const& type, bool status, int generation) {
    return R"({"type":")" + type + R"(","status":")" + (status ? "true" : "false") +
           R"(","reason":"x","message":"","observed_generation":)" + std::to_string(generation) + "}";
}

// `spec`: further fields of it, as JSON after a comma. `records`: a failing one makes it degraded.
std::string account(std::string const& name, bool ready, std::string const& spec = "",
                    std::string const& records = "") {
    bool const failing = records.find("failing") != std::string::npos;
    return R"({"kind":"account","name":")" + name + R"(","generation":1,"terminating":null,"spec":{"name":")" + name +
           R"(")" + spec + R"(},"status":{"observed_generation":1,"conditions":[)" + condition_of("ready", ready, 1) +
           "," + condition_of("degraded", failing, 1) + R"(],"records":[)" + records + "]}}";
}
std::string const broken = R"({"kind":"php_pool","key":"p","state":"failing","message":"would not start"})";
std::string const held =
    R"({"kind":"database","key":"acme_shop","state":"held","message":"holds data; confirm the removal"})";
std::string const starter =
    R"({"kind":"package","name":"starter","generation":2,"spec":{"name":"starter"},"status":{"conditions":[{"type":"ready","status":"true","observed_generation":2}],"records":[]}})";
std::string const nothing_to_do = R"({"steps":[],"holds":[],"commits":[]})";
std::string const one_step =
    R"({"steps":[{"verb":"update","kind":"php_pool","key":"acme","object":"account/acme"}],"holds":[]})";

std::string sites(std::string const& domain) { return R"(,"sites":[{"domain":")" + domain + R"("}])"; }
std::string site_of(std::string const& name, std::string const& domain) {
    return "kind: account\nname: " + name + "\nsites:\n  - domain: " + domain + "\n";
}

std::ptrdiff_t place_of(std::vector<std::string> const& asked, std::string const& request) {
    return std::find(asked.begin(), asked.end(), request) - asked.begin();
}
bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// ---- progress

TEST_CASE("a wait for several objects shows on a terminal how many are ready, and of the others the first") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts/acme", 200, account("acme", true));
    for (int i = 0; i < 2; ++i) world.daemon.say("GET /v1/accounts/beta", 200, account("beta", false));
    world.daemon.say("GET /v1/accounts/beta", 200, account("beta", true));
    auto const ended = world.ctl({"wait", "account/beta", "account/acme"}, "", true);
    CHECK(ended.exit == fine);
    CHECK(ended.out == "account/acme is ready\naccount/beta is ready\n");
    CHECK(has(ended.err, "\r\033[K(0 s) 1 of 2 ready; account/beta: 0 of 0 in sync"));
}

TEST_CASE("elsewhere a wait for several objects says at once that one more fails, and which") {
    CliFixture world;
    for (int i = 0; i < 3; ++i) world.daemon.say("GET /v1/accounts/acme", 200, account("acme", false));
    for (int i = 0; i < 3; ++i) world.daemon.say("GET /v1/accounts/beta", 200, account("beta", false, "", broken));
    world.daemon.say("GET /v1/accounts/acme", 200, account("acme", true));
    world.daemon.say("GET /v1/accounts/beta", 200, account("beta", true));
    auto const ended = world.ctl({"wait", "account/acme", "account/beta"});
    CHECK(ended.exit == fine);
    CHECK(ended.err == "0 of 2 ready, 1 failing; account/beta: 0 of 1 in sync; php_pool/p failing: would not start\n");
}

TEST_CASE("a status of an older generation is called that, and not in sync") {
    CliFixture world;
    auto stored = account("acme", true);
    stored.replace(stored.find("\"generation\":1"), 14, "\"generation\":2");
    world.daemon.say("GET /v1/accounts/acme", 200, stored);
    auto const ended = world.ctl({"wait", "account/acme", "--timeout", "0"});
    CHECK(ended.exit == differs);
    CHECK(ended.err == "account/acme is not ready after 0 s: 0 of 0 in sync; generation 2 is not observed yet\n");
}

TEST_CASE("of many objects that are not ready in time some are named, the failing ones first, and the others counted") {
    CliFixture world;
    std::vector<std::string> call{"wait", "--timeout", "0"};
    for (char c = 'a'; c <= 'l'; ++c) {
        auto const name = std::string("acc") + c;
        world.daemon.say("GET /v1/accounts/" + name, 200, account(name, false, "", c == 'k' ? broken : ""));
        call.push_back("account/" + name);
    }
    auto const ended = world.ctl(call);
    CHECK(ended.exit == differs);
    CHECK(ended.err.starts_with("account/acck is not ready after 0 s: "));
    CHECK(ended.err.ends_with("and 2 others are not\n"));
}

// ---- what uses something that has changed

TEST_CASE("apply --wait of a package waits until the accounts that use it are found to be as it says") {
    CliFixture world;
    world.daemon.say("PUT /v1/packages/starter", 202, R"({"generation":2,"result":"changed"})");
    world.daemon.say("GET /v1/packages/starter", 200, starter);
    world.daemon.say("GET /v1/accounts?limit=100", 200,
                     R"({"items":[)" + account("acme", true, R"(,"package":"starter")") + "," +
                         account("beta", false, R"(,"package":"other")") + R"(],"next":""})");
    world.daemon.say("GET /v1/accounts/acme", 200, account("acme", true, R"(,"package":"starter")"));
    world.daemon.say("GET /v1/accounts/acme/plan", 200, one_step);
    world.daemon.say("GET /v1/accounts/acme/plan", 200, nothing_to_do);
    auto const ended = world.ctl({"apply", "--wait", "-f", "-"}, "kind: package\nname: starter\n");
    CHECK(ended.exit == fine);
    CHECK(ended.out ==
          "package/starter changed (generation 2)\npackage/starter is ready\nthe other object that uses what has "
          "changed is ready\n");
    auto const asked = world.daemon.asked();
    CHECK(std::count(asked.begin(), asked.end(), "GET /v1/accounts/acme/plan") == 2);
    CHECK(asked.back() == "GET /v1/accounts/acme");
    CHECK(std::count(asked.begin(), asked.end(), "GET /v1/accounts/beta") == 0);
}

TEST_CASE("an account that cannot follow its package makes apply --wait of the package exit 3, by name") {
    CliFixture world;
    world.daemon.say("PUT /v1/packages/starter", 202, R"({"generation":2,"result":"changed"})");
    world.daemon.say("GET /v1/packages/starter", 200, starter);
    world.daemon.say("GET /v1/accounts?limit=100", 200,
                     R"({"items":[)" + account("acme", true, R"(,"package":"starter")") + R"(],"next":""})");
    world.daemon.say("GET /v1/accounts/acme", 200, account("acme", false, R"(,"package":"starter")", broken));
    auto const ended = world.ctl({"apply", "--wait", "--timeout", "0", "-f", "-"}, "kind: package\nname: starter\n");
    CHECK(ended.exit == differs);
    CHECK(has(ended.err, "account/acme is not ready after 0 s: 0 of 1 in sync; php_pool/p failing: would not start"));
}

TEST_CASE("a package that is as it was makes nobody wait for the accounts of others") {
    CliFixture world;
    world.daemon.say("PUT /v1/packages/starter", 200, R"({"generation":2,"result":"unchanged"})");
    world.daemon.say("GET /v1/packages/starter", 200, starter);
    CHECK(world.ctl({"apply", "--wait", "-f", "-"}, "kind: package\nname: starter\n").exit == fine);
    CHECK(world.daemon.asked().size() == 2);
}

// ---- one refused, the others stored

TEST_CASE("apply --wait waits for what was stored although another document was refused, and is exit 1") {
    CliFixture world;
    world.daemon.say("PUT /v1/accounts/acme", 409, R"({"problems":[{"path":"/name","text":"is reserved"}]})");
    world.daemon.say("PUT /v1/accounts/beta", 202, R"({"generation":1,"result":"created"})");
    world.daemon.say("GET /v1/accounts/beta", 404, "{}");
    world.daemon.say("GET /v1/accounts/beta", 200, account("beta", true));
    auto const ended =
        world.ctl({"apply", "--wait", "-f", "-"}, "kind: account\nname: acme\n---\nkind: account\nname: beta\n");
    CHECK(ended.exit == failed);
    CHECK(ended.err == "stdin:2: account/acme: name: is reserved\n");
    CHECK(ended.out == "account/beta created (generation 1)\naccount/beta is ready\n");
}

// ---- names that move

TEST_CASE("who gives up a domain is stored before who takes it, whatever their order in the files") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts/giver", 200, account("giver", true, sites("www.moving.example")));
    for (auto const* name : {"aaa", "giver", "taker"})
        world.daemon.say(std::string("PUT /v1/accounts/") + name, 202, R"({"generation":2,"result":"changed"})");
    auto const all =
        "kind: account\nname: taker\nsites: [{domain: moving.example, aliases: [\"*.moving.example\"]}]\n---\n" +
        site_of("giver", "other.example") + "---\n" + site_of("aaa", "aaa.example");
    CHECK(world.ctl({"apply", "-f", "-"}, all).exit == fine);
    auto const asked = world.daemon.asked();
    CHECK(place_of(asked, "PUT /v1/accounts/giver") < place_of(asked, "PUT /v1/accounts/taker"));
    CHECK(place_of(asked, "PUT /v1/accounts/taker") < std::ptrdiff_t(asked.size()));
}

TEST_CASE("two accounts that swap their domains are refused before anything is stored, with the way in two steps") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts/one", 200, account("one", true, sites("a.example")));
    world.daemon.say("GET /v1/accounts/two", 200, account("two", true, sites("b.example")));
    auto const file = world.dir.file("swap.yaml", site_of("one", "b.example") + "---\n" + site_of("two", "a.example"));
    auto const ended = world.ctl({"apply", "-f", file});
    CHECK(ended.exit == failed);
    CHECK(ended.err == file + ":4: account/one: sites[0].domain: b.example is taken from account/two\n" + file +
                           ":9: account/two: sites[0].domain: a.example is taken from account/one\n"
                           "they wait for each other, so none can be stored first. In two steps: apply the files "
                           "without these names (b.example, a.example), then as they are; in between nobody has the "
                           "names\nnothing was applied\n");
    for (auto const& request : world.daemon.asked()) CHECK(request.starts_with("GET "));
}

// ---- plans of files

TEST_CASE("plan says of an account whose package is only in the file why there is no plan yet") {
    CliFixture world;
    world.daemon.say("PUT /v1/packages/starter?dry_run=true", 200, nothing_to_do);
    world.daemon.say("PUT /v1/accounts/acme?dry_run=true", 422,
                     R"({"problems":[{"path":"/package","text":"there is no package starter"}]})");
    auto const ended = world.ctl({"plan", "-f", "-"},
                                 "kind: account\nname: acme\npackage: starter\n---\nkind: package\nname: starter\n");
    CHECK(ended.exit == failed);
    CHECK(ended.err ==
          "stdin:3: account/acme: package: no plan yet: package/starter of these files is not stored; apply stores it "
          "first\n");
    CHECK(has(ended.out, "package/starter: nothing to do\n"));
}

TEST_CASE("plan says that an account was planned with its package as it is stored, where the file changes that") {
    CliFixture world;
    world.daemon.say("GET /v1/packages/starter", 200, starter);
    world.daemon.say("PUT /v1/packages/starter?dry_run=true", 200, one_step);
    world.daemon.say("PUT /v1/accounts/acme?dry_run=true", 200, nothing_to_do);
    std::string const acme = "kind: account\nname: acme\npackage: starter\n---\n";
    auto const changed = world.ctl({"plan", "-f", "-"}, acme + "kind: package\nname: starter\nlimits: {tasks: 50}\n");
    CHECK(changed.exit == fine);
    CHECK(changed.err.starts_with("stdin:3: account/acme: package: planned with package/starter as it is stored"));
    CHECK(world.ctl({"plan", "-f", "-"}, acme + "kind: package\nname: starter\n").err.empty());
}

// ---- removals that are held back

TEST_CASE("where removals are held back, plan, drift, describe and wait name the command that confirms them") {
    CliFixture world;
    std::string const command = "genesisctl reconcile account/acme --confirm-removals";
    std::string const hold =
        R"({"verb":"remove","kind":"database","key":"acme_shop","object":"account/acme","message":"confirm the removal","reason":")";
    world.daemon.say("GET /v1/plan", 200, R"({"steps":[],"holds":[)" + hold + R"(holds_data"}]})");
    CHECK(has(world.ctl({"plan"}).out, "confirm the removal: " + command + "\n"));
    world.daemon.say("GET /v1/drift", 200, R"({"items":[)" + hold + R"(removal_limit"}]})");
    CHECK(has(world.ctl({"drift"}).out,
              "confirm the removal: " + command + ", or for all: genesisctl reconcile --all --confirm-removals\n"));
    world.daemon.say("GET /v1/accounts/acme", 200, account("acme", true, "", held));
    CHECK(has(world.ctl({"describe", "account/acme"}).out, "holds data; confirm the removal: " + command + "\n"));
    CHECK(world.ctl({"wait", "account/acme"}).err ==
          "account/acme: database/acme_shop would be removed with what is in it; to confirm: " + command + "\n");
}

}  // namespace
}  // namespace genesis::cli
