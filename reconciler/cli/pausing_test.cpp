// A pause of everything is visible wherever somebody looks.
#include "reconciler/cli/cli_fixture.hpp"

namespace genesis::cli {
namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string account(std::string const& name, std::string const& true_condition = "ready") {
    return R"({"kind":"account","name":")" + name +
           R"(","generation":1,"source":"api","paused":false,"spec":{"name":")" + name +
           R"("},"status":{"conditions":[{"type":")" + true_condition +
           R"(","status":"true","observed_generation":1},{"type":"paused","status":"false","observed_generation":1}]}})";
}

struct Server : CliFixture {
    explicit Server(bool paused) {
        daemon.say("GET /v1/info", 200,
                   std::string(R"({"node":"web1","all_paused":)") + (paused ? "true" : "false") + "}");
        daemon.say("GET /v1/accounts?limit=100", 200,
                   R"({"items":[)" + account("acme") + "," + account("beta", "terminating") + R"(],"next":""})");
        daemon.say("GET /v1/accounts/acme", 200, account("acme"));
        for (auto const* action : {"pause", "resume"})
            daemon.say(std::string("POST /v1/accounts/acme/") + action, 200, "{}");
        daemon.say("POST /v1/resume", 200, "{}");
    }
};

TEST_CASE("while everything is paused info, get and describe say so") {
    Server world(true);
    CHECK(world.ctl({"info"}).out ==
          "node: web1\nall_paused: true\neverything is paused: observed, not changed; to end that: genesisctl resume "
          "--all\n");
    CHECK(world.ctl({"get", "accounts"}).out ==
          "NAME           READY   STATE                       GENERATION   SOURCE   MESSAGE\n"
          "account/acme   true    paused (all)                1            api\n"
          "account/beta           terminating, paused (all)   1            api\n");
    auto const described = world.ctl({"describe", "account/acme"}).out;
    CHECK(described.starts_with("account/acme  generation 1, from api, everything is paused\n"));
    CHECK(has(described, "paused      true"));
    CHECK_FALSE(has(described, "paused      false"));
}

TEST_CASE("while nothing is paused none of them says so") {
    Server world(false);
    CHECK(world.ctl({"info"}).out == "node: web1\nall_paused: false\n");
    CHECK_FALSE(has(world.ctl({"get", "accounts"}).out, "paused"));
    auto const described = world.ctl({"describe", "account/acme"}).out;
    CHECK_FALSE(has(described, "everything is paused"));
    CHECK(has(described, "paused      false"));
}

TEST_CASE("an object that is resumed while everything is paused is said to stay as it is") {
    Server paused(true), running(false);
    auto const ended = paused.ctl({"resume", "account/acme"});
    CHECK(ended.exit == fine);
    CHECK(ended.out ==
          "account/acme is resumed\neverything is still paused, so that it is not changed; to end that: genesisctl "
          "resume --all\n");
    CHECK(running.ctl({"resume", "account/acme"}).out == "account/acme is resumed\n");
    CHECK(paused.ctl({"resume", "--all"}).out == "everything is resumed\n");
}

}  // namespace
}  // namespace genesis::cli
