// genesisctl from its command line to its exit code, against a fake daemon.
#include "reconciler/cli/cli_fixture.hpp"

namespace genesis::cli {
namespace {

std::string envelope(std::string const& name, bool ready, std::string const& records = "") {
    return R"({"kind":"account","name":")" + name + R"(","generation":2,"source":"api","spec":{"name":")" + name +
           R"(","state":"active"},"status":{"observed_generation":2,"conditions":[{"type":"ready","status":")" +
           (ready ? "true" : "false") +
           R"(","reason":"x","message":"","observed_generation":2,"changed_at":"2026-01-01T00:00:00Z"}],"records":[)" +
           records + "]}}";
}
std::string const acme = "kind: account\nname: acme\n";
std::string const broken_pool =
    R"({"kind":"php_pool","key":"acme","state":"failing","cause":"drifted","message":"would not start"})";

TEST_CASE("apply puts each document, packages first, and prints the results") {
    CliFixture world;
    world.daemon.say("PUT /v1/accounts/acme", 202,
                     R"({"kind":"account","name":"acme","generation":1,"result":"created"})");
    world.daemon.say("PUT /v1/packages/starter", 200,
                     R"({"kind":"package","name":"starter","generation":4,"result":"unchanged"})");
    auto const file = world.dir.file("a.yaml", acme + "package: starter\n---\nkind: package\nname: starter\n");
    auto const ended = world.ctl({"apply", "-f", file});
    CHECK(ended.exit == 0);
    CHECK(ended.out == "package/starter unchanged (generation 4)\naccount/acme created (generation 1)\n");
    CHECK(world.daemon.asked() == std::vector<std::string>{"PUT /v1/packages/starter", "PUT /v1/accounts/acme"});
    CHECK(world.daemon.last_body().find("\"package\":\"starter\"") != std::string::npos);
}

TEST_CASE("apply reads standard input and directories, and sends nothing if anything in them is invalid") {
    CliFixture world;
    world.daemon.say("PUT /v1/accounts/acme", 202, R"({"generation":1,"result":"created"})");
    CHECK(world.ctl({"apply", "-f", "-"}, acme).exit == 0);
    auto const good = world.dir.file("1.yaml", acme),
               bad = world.dir.file("2.json", R"({"kind":"account","name":"beta","colour":1})");
    auto const ended = world.ctl({"apply", "-f", world.dir.path});
    CHECK(ended.exit == 1);
    CHECK(ended.err.find(bad + ":1: account/beta: colour: ") == 0);
    CHECK(world.daemon.asked().size() == 1);
    CHECK(world.ctl({"apply", "-f", world.dir.path + "/absent.yaml"}).exit == 1);
}

TEST_CASE("the daemon's problems are printed one a line with file, line, object and field, and the rest is applied") {
    CliFixture world;
    world.daemon.say(
        "PUT /v1/accounts/acme", 409,
        R"({"code":"domain_taken","detail":"d","problems":[{"path":"/sites/0/domain","code":"domain_taken","text":"belongs to another account"},{"path":"/name","code":"x","text":"also\u001b[31m"}]})");
    world.daemon.say("PUT /v1/accounts/beta", 202, R"({"generation":1,"result":"created"})");
    auto const file = world.dir.file("a.yaml", acme + "---\nkind: account\nname: beta\n");
    auto const ended = world.ctl({"apply", "-f", file});
    CHECK(ended.exit == 1);
    CHECK(ended.err == file + ":1: account/acme: sites[0].domain: belongs to another account\n" + file +
                           ":2: account/acme: name: also?[31m\n");
    CHECK(ended.out == "account/beta created (generation 1)\n");
}

TEST_CASE("validate needs no daemon and finds the same object given twice") {
    TempDir dir;
    std::istringstream in(acme + "---\n" + acme);
    std::ostringstream out, err;
    Console console{.in = in, .out = out, .err = err, .terminal = false};
    CHECK(run({"--socket", "/nonexistent", "validate", "-f", "-"}, console) == 1);
    CHECK(err.str() == "stdin:5: account/acme: name: account/acme is also in stdin:2\n");
}

TEST_CASE("a daemon that does not listen is one message and exit 1") {
    std::istringstream in;
    std::ostringstream out, err;
    Console console{.in = in, .out = out, .err = err, .terminal = false};
    CHECK(run({"--socket", "/nonexistent/s", "get", "accounts"}, console) == 1);
    CHECK(err.str().find("genesisd does not listen at /nonexistent/s") == 0);
}

TEST_CASE("wrong usage is exit 2, and help is exit 0 with an example for every verb") {
    CliFixture world;
    for (auto const& args : std::vector<std::vector<std::string>>{{},
                                                                  {"bogus"},
                                                                  {"get"},
                                                                  {"get", "bogus"},
                                                                  {"get", "account/"},
                                                                  {"get", "account/../x"},
                                                                  {"get", "account/acme?purge=true"},
                                                                  {"describe", "accounts"},
                                                                  {"wait", "account/acme", "--for", "never"},
                                                                  {"wait", "account/acme", "--timeout", "soon"},
                                                                  {"apply"},
                                                                  {"pause"},
                                                                  {"pause", "account/acme", "--all"},
                                                                  {"get", "accounts", "-o", "xml"},
                                                                  {"history", "--limit", "0"},
                                                                  {"completion", "fish"}})
        CHECK(world.ctl(args).exit == 2);
    CHECK(world.daemon.asked().empty());
    for (auto const& verb : verbs()) {
        auto const ended = world.ctl({std::string(verb.name), "--help"});
        CHECK(ended.exit == 0);
        CHECK(ended.out.find("Example: genesisctl " + std::string(verb.name)) != std::string::npos);
        CHECK(ended.out.find("Exit codes: 0") != std::string::npos);
    }
}

TEST_CASE("get follows pages, shows a table for people and an array for scripts") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts?limit=100", 200,
                     R"({"items":[)" + envelope("acme", true) + R"(],"next":"acme"})");
    world.daemon.say("GET /v1/accounts?limit=100&after=acme", 200,
                     R"({"items":[)" + envelope("beta", false) + R"(],"next":""})");
    auto const table = world.ctl({"get", "accounts"});
    CHECK(table.exit == 0);
    CHECK(table.out ==
          "NAME           READY   STATE   GENERATION   SOURCE   MESSAGE\n"
          "account/acme   true            2            api\n"
          "account/beta   false           2            api\n");
    auto const list = json::parse(world.ctl({"get", "account", "-o", "json"}).out);
    REQUIRE(list.is_array());
    CHECK(list.get_array().size() == 2);
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", true));
    CHECK(json::parse(world.ctl({"get", "account/acme", "-o", "json"}).out).get_array().size() == 1);
    CHECK(world.ctl({"get", "account/acme", "-o", "spec"}).out == "kind: account\nname: acme\nstate: active\n");
    auto const absent = world.ctl({"get", "account/ghost"});
    CHECK(absent.exit == 1);
    CHECK(absent.err == "no such thing\n");
}

TEST_CASE("info shows each problem of the spec files as a whole line") {
    CliFixture world;
    auto const problem = "shop.yaml:3: account/shop: sites[0].domain: " + std::string(200, 'x');
    world.daemon.say("GET /v1/info", 200,
                     R"({"node":"web1","listen":[],"spec_problems":[")" + problem + R"(","b.yaml:1: empty"]})");
    CHECK(world.ctl({"info"}).out == "node: web1\nlisten: []\nspec_problems:\n  " + problem + "\n  b.yaml:1: empty\n");
}

TEST_CASE("drift is exit 3 when there is any and 0 when there is none") {
    CliFixture world;
    world.daemon.say("GET /v1/drift", 200, R"({"items":[]})");
    CHECK(world.ctl({"drift"}).exit == 0);
    world.daemon.say(
        "GET /v1/accounts/acme/drift", 200,
        R"({"items":[{"object":"account/acme","kind":"php_pool","key":"acme","verb":"update","cause":"drifted","since":"T","reason":"","message":"","changes":[{"path":"/max_children","want":5,"have":50}]}]})");
    auto const ended = world.ctl({"drift", "account/acme"});
    CHECK(ended.exit == 3);
    CHECK(ended.out == "account/acme  php_pool/acme: update, drifted since T\n      /max_children: 50 -> 5\n");
}

TEST_CASE("what cannot be observed is no proof that nothing drifted, nor that there is nothing to do") {
    CliFixture world;
    auto const unreachable = std::string(R"("unreachable":{"database":"mariadb does not answer"}})");
    world.daemon.say("GET /v1/drift", 200, R"({"items":[],)" + unreachable);
    auto const drift = world.ctl({"drift"});
    CHECK(drift.exit == 3);
    CHECK(drift.out == "no drift in what can be observed\n");
    CHECK(drift.err == "  ? database cannot be observed (mariadb does not answer): taken as last seen\n");
    world.daemon.say("GET /v1/plan", 200, R"({"steps":[],"holds":[],"commits":[],)" + unreachable);
    auto const plan = world.ctl({"plan"});
    CHECK_THAT(plan.out, Catch::Contains("everything: nothing to do in what can be observed\n"));
    CHECK_THAT(plan.out, Catch::Contains("database cannot be observed (mariadb does not answer)"));
}

TEST_CASE("of two long lists drift shows only the difference") {
    CliFixture world;
    json::array have, want;
    for (int i = 0; i < 40; ++i) want.emplace_back("privilege " + std::to_string(i));
    have = want;
    have.erase(have.begin() + 7);
    have.emplace_back("by hand");
    json::object const change{{"path", "/privileges"}, {"want", want}, {"have", have}};
    json::object const item{
        {"object", "account/acme"}, {"kind", "grant"}, {"key", "a"}, {"changes", json::array{change}}};
    world.daemon.say("GET /v1/drift", 200, json::serialize(json::object{{"items", json::array{item}}}));
    CHECK(world.ctl({"drift"}).out.find("/privileges: [\"...\",\"by hand\"] -> [\"...\",\"privilege 7\"]\n") !=
          std::string::npos);
}

TEST_CASE("plan shows steps, what is held back and why, and counts them") {
    CliFixture world;
    world.daemon.say(
        "PUT /v1/accounts/acme?dry_run=true", 200,
        R"({"steps":[{"verb":"create","kind":"unix_user","key":"acme","cause":"spec_changed","changes":[]},{"verb":"update","kind":"site","key":"a.example","cause":"drifted","changes":[{"path":"/root","from":"/x","to":"/y"}]}],)"
        R"("holds":[{"kind":"database","key":"acme_shop","reason":"conflict","message":"is not ours","changes":[]}],"commits":["apache: one reload"]})");
    auto const ended = world.ctl({"plan", "-f", world.dir.file("a.yaml", acme)});
    CHECK(ended.exit == 0);
    CHECK(ended.out ==
          "account/acme\n  + create unix_user/acme  (spec_changed)\n  ~ update site/a.example  (drifted)\n      /root: "
          "/x -> /y\n"
          "  = held database/acme_shop  conflict: is not ours\n  > apache: one reload\n"
          "1 to create, 1 to change, 0 to replace, 0 to remove, 1 held back\n");
}

TEST_CASE("a plan of everything shows the object of each step") {
    CliFixture world;
    world.daemon.say(
        "GET /v1/plan", 200,
        R"({"steps":[{"verb":"create","kind":"site","key":"a.example","object":"account/acme","cause":"drifted"}],"holds":[],"commits":[]})");
    CHECK(world.ctl({"plan"}).out.find("everything\n  + create site/a.example of account/acme  (drifted)\n") == 0);
}

TEST_CASE("wait prints each new state once, and ends when all is ready") {
    CliFixture world;
    for (int i = 0; i < 3; ++i) world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", false, broken_pool));
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", true));
    auto const ended = world.ctl({"wait", "account/acme"});
    CHECK(ended.exit == 0);
    CHECK(ended.out == "account/acme is ready\n");
    CHECK(ended.err == "account/acme: 0 of 1 in sync; php_pool/acme failing: would not start\n");
}

TEST_CASE("wait is exit 3 on timeout, and names what is not ready") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", false, broken_pool));
    auto const ended = world.ctl({"wait", "account/acme", "--timeout", "1s"});
    CHECK(ended.exit == 3);
    CHECK(ended.err.find("account/acme is not ready after 1 s") != std::string::npos);
    CHECK(ended.err.find("  php_pool/acme failing: would not start\n") != std::string::npos);
    CHECK(world.ctl({"wait", "account/ghost"}).exit == 1);
    CHECK(world.ctl({"wait", "account/ghost", "--for=gone"}).exit == 0);
}

TEST_CASE("wait goes on while the daemon restarts, and is exit 1 where it was never there") {
    CliFixture world;
    std::string const get = "GET /v1/accounts/acme";
    SECTION("until all is ready") {
        world.daemon.say(get, 200, envelope("acme", false, broken_pool));
        for (int i = 0; i < 3; ++i) world.daemon.say(get, 0, "");
        world.daemon.say(get, 200, envelope("acme", true));
        CHECK(world.ctl({"wait", "account/acme"}).exit == 0);
    }
    SECTION("or until the time is up") {
        world.daemon.say(get, 200, envelope("acme", false, broken_pool));
        world.daemon.say(get, 0, "");
        auto const ended = world.ctl({"wait", "account/acme", "--timeout", "1s"});
        CHECK(ended.exit == 3);
        CHECK(ended.err.find("\ngenesisd at ") != std::string::npos);
    }
    SECTION("never there") {
        world.daemon.say(get, 0, "");
        CHECK(world.ctl({"wait", "account/acme"}).exit == 1);
    }
}

TEST_CASE("watch goes on while the daemon restarts") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", false, broken_pool));
    world.daemon.say("GET /v1/accounts/acme", 0, "");
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", true));
    auto const ended = world.ctl({"watch", "account/acme", "--timeout", "3s"});
    CHECK(ended.exit == 0);
    CHECK(ended.out.find("account/acme ") != ended.out.rfind("account/acme "));
}

TEST_CASE("ready for an older generation is not ready") {
    CliFixture world;
    auto old = envelope("acme", true);
    old.replace(old.find("\"generation\":2"), 14, "\"generation\":3");
    world.daemon.say("GET /v1/accounts/acme", 200, old);
    CHECK(world.ctl({"wait", "account/acme", "--timeout", "0"}).exit == 3);
}

TEST_CASE("delete --purge --wait asks to purge and waits until nothing is left") {
    CliFixture world;
    world.daemon.say("DELETE /v1/accounts/acme?purge=true", 202, R"({"result":"terminating"})");
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", false));
    world.daemon.say("GET /v1/accounts/acme", 404, "{}");
    auto const ended = world.ctl({"delete", "account/acme", "--purge", "--wait"});
    CHECK(ended.exit == 0);
    CHECK(ended.out == "account/acme terminating\naccount/acme is gone\n");
}

TEST_CASE("reconcile --wait does not believe a status from before: it waits for a look that finds nothing to do") {
    CliFixture world;
    world.daemon.say("POST /v1/accounts/acme/reconcile", 202, "{}");
    for (int i = 0; i < 2; ++i) world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", true));
    world.daemon.say("GET /v1/accounts/acme/plan", 200, R"({"steps":[{"object":"account/acme"}]})");
    world.daemon.say("GET /v1/accounts/acme/plan", 200, R"({"steps":[]})");
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", true));
    auto const ended = world.ctl({"reconcile", "account/acme", "--wait"});
    CHECK(ended.exit == 0);
    CHECK(ended.out == "account/acme will be reconciled now\naccount/acme is ready\n");
}

TEST_CASE("the action verbs post to their paths") {
    CliFixture world;
    for (auto const* target : {"/v1/accounts/acme/reconcile?confirm_removals=true", "/v1/reconcile", "/v1/pause",
                               "/v1/accounts/acme/resume", "/v1/accounts/acme/adopt", "/v1/accounts/acme/take-over"})
        world.daemon.say(std::string("POST ") + target, 202, "{}");
    CHECK(world.ctl({"reconcile", "account/acme", "--confirm-removals"}).exit == 0);
    CHECK(world.ctl({"reconcile", "--all"}).exit == 0);
    CHECK(world.ctl({"pause", "--all"}).exit == 0);
    CHECK(world.ctl({"resume", "account/acme"}).exit == 0);
    CHECK(world.ctl({"adopt", "accounts/acme"}).exit == 0);
    CHECK(world.ctl({"take-over", "account/acme"}).exit == 0);
    world.daemon.say("POST /v1/accounts/acme/credentials", 200,
                     R"({"credentials":[{"label":"databases/shop/users/web","secret":"s3"}]})");
    CHECK(world.ctl({"credentials", "account/acme"}).out ==
          "FOR                        SECRET\ndatabases/shop/users/web   s3\n");
}

TEST_CASE("diff compares fields, leaves secrets out and is exit 3 if something differs") {
    CliFixture world;
    world.daemon.say("GET /v1/accounts/acme", 200, envelope("acme", true));
    CHECK(world.ctl({"diff", "-f", world.dir.file("a.yaml", acme)}).exit == 0);
    auto const ended = world.ctl({"diff", "-f", world.dir.file("a.yaml", acme + "state: suspended\n")});
    CHECK(ended.exit == 3);
    CHECK(ended.out == "account/acme\n      /state: active -> suspended\n");
    CHECK(world.ctl({"diff", "-f", world.dir.file("b.yaml", "kind: account\nname: newone\n")}).out ==
          "account/newone: would be created\n");
}

TEST_CASE("a generated secret that the file leaves out is not a difference") {
    CliFixture world;
    auto stored = envelope("acme", true);
    stored.replace(stored.find(R"("state")"), 0,
                   R"("databases":[{"name":"shop","users":[{"name":"web","password":"********"}]}],)");
    world.daemon.say("GET /v1/accounts/acme", 200, stored);
    auto const file = acme + "databases: [{name: shop, users: [{name: web}]}]\n";
    CHECK(world.ctl({"diff", "-f", world.dir.file("a.yaml", file)}).exit == 0);
    auto const more = acme + "databases: [{name: shop, users: [{name: web}, {name: new}]}]\n";
    CHECK(world.ctl({"diff", "-f", world.dir.file("b.yaml", more)}).exit == 3);
}

TEST_CASE("a version of PHP that the server chose because the file leaves it out is no difference") {
    CliFixture world;
    auto stored = envelope("acme", true);
    stored.replace(stored.find(R"("state")"), 0, R"("sites":[{"domain":"acme.example","php":{"version":"8.2"}}],)");
    world.daemon.say("GET /v1/accounts/acme", 200, stored);
    CHECK(
        world.ctl({"diff", "-f", world.dir.file("a.yaml", acme + "sites: [{domain: acme.example, php: {}}]\n")}).exit ==
        0);
    auto const more = acme + "sites: [{domain: acme.example, php: {version: \"8.4\"}}]\n";
    CHECK(world.ctl({"diff", "-f", world.dir.file("b.yaml", more)}).exit == 3);
}

TEST_CASE("keys are added, listed, rotated and revoked, and a new secret is printed once") {
    CliFixture world;
    auto const secret = std::string(64, 'a');
    world.daemon.say("POST /v1/keys/billing", 200,
                     R"({"kid":"billing","version":1,"scopes":["read"],"secret":")" + secret + "\"}");
    auto ended = world.ctl({"keys", "add", "--kid", "billing", "--scopes", "account:write,read", "--cidr", "10.0.0.0/8",
                            "--cidr", "::1/128", "--expires", "2030-01-01", "-o", "json"});
    CHECK(ended.exit == fine);
    CHECK(json::parse(ended.out).at("secret") == json::value(secret));
    CHECK(json::parse(world.daemon.last_body()) ==
          json::parse(R"({"scopes":["account:write","read"],"cidrs":["10.0.0.0/8","::1/128"],"comment":"",)"
                      R"("expires":"2030-01-01"})"));
    world.daemon.say("POST /v1/keys/billing/rotate", 200,
                     R"({"kid":"billing","version":2,"scopes":["read"],"secret":")" + secret + "\"}");
    ended = world.ctl({"keys", "rotate", "--kid", "billing", "--overlap", "2h"});
    CHECK(ended.out.find(secret) != std::string::npos);
    CHECK(json::parse(world.daemon.last_body()).at("overlap_seconds") == 7200);
    world.daemon.say("DELETE /v1/keys/billing", 200, R"({"kid":"billing","result":"revoked"})");
    CHECK(world.ctl({"keys", "revoke", "--kid", "billing"}).out == "key billing is revoked\n");
    world.daemon.say("GET /v1/keys", 200, R"({"items":[{"kid":"billing","version":1,"scopes":["read"],"cidrs":[]}]})");
    CHECK(world.ctl({"keys", "list"}).out.find("billing") != std::string::npos);
    CHECK(world.ctl({"keys", "add", "--kid", "billing"}).exit == usage);
    CHECK(world.ctl({"keys", "revoke"}).exit == usage);
    CHECK(world.ctl({"keys", "revoke", "--kid", "../x"}).exit == usage);
    CHECK(world.ctl({"keys", "destroy", "--kid", "billing"}).exit == usage);
    CHECK(world.ctl({"keys", "rotate", "--kid", "unknown"}).exit == failed);
}

TEST_CASE("the completion names every verb") {
    CliFixture world;
    for (auto const* shell : {"bash", "zsh"}) {
        auto const ended = world.ctl({"completion", shell});
        CHECK(ended.exit == 0);
        for (auto const& verb : verbs()) CHECK(ended.out.find(std::string(verb.name) + ") echo") != std::string::npos);
    }
}

}  // namespace
}  // namespace genesis::cli
