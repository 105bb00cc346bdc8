// What delete waits for and says, and reconcile of what was deleted: services go at once, data after the grace period.
#include "reconciler/cli/cli_fixture.hpp"

namespace genesis::cli {
namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string const off = "its services are off; its data is kept until 2027-01-22T08:00:00.000Z";

// A deleted account of generation 2, as of generation `observed`.
std::string deleted(std::string const& reason, std::string const& message, int observed = 2) {
    auto const at = R"(,"observed_generation":)" + std::to_string(observed) + "}";
    return R"({"kind":"account","name":"acme","generation":2,"terminating":"2027-01-15T08:00:00.000Z",)"
           R"("spec":{"name":"acme"},"status":{"conditions":[{"type":"ready","status":"false","reason":")" +
           reason + R"(","message":")" + message + "\"" + at +
           R"(,{"type":"terminating","status":"true","reason":"Grace","message":"")" + at +
           R"(],"records":[{"kind":"unix_user","key":"acme","state":"in_sync"}]}})";
}
std::string const kept = deleted("Grace", off);
std::string const stopping = deleted("Terminating", "its services are being turned off");
std::string const nothing_to_do = R"({"steps":[],"holds":[],"commits":[]})";
std::string const none = R"({"items":[],"next":""})";
std::string const get = "GET /v1/accounts/acme";

// ---- reconcile

TEST_CASE(
    "reconcile --wait of a deleted account ends when its services are off, and says until when its data is kept") {
    CliFixture world;
    world.daemon.say("POST /v1/accounts/acme/reconcile", 202, "{}");
    world.daemon.say(get, 200, stopping);
    world.daemon.say(get, 200, kept);
    world.daemon.say(get + "/plan", 200, nothing_to_do);
    auto const ended = world.ctl({"reconcile", "account/acme", "--wait"});
    CHECK(ended.exit == fine);
    CHECK(ended.out == "account/acme will be reconciled now\naccount/acme: " + off + "\n");
}

TEST_CASE("reconcile --all --wait is not held up by an account in its grace period, and names it") {
    CliFixture world;
    world.daemon.say("POST /v1/reconcile", 202, "{}");
    for (auto const& kind : object_kinds())
        world.daemon.say("GET /v1/" + std::string(kind.plural) + "?limit=100", 200,
                         kind.plural == "accounts" ? R"({"items":[)" + kept + R"(],"next":""})" : none);
    world.daemon.say(get, 200, kept);
    world.daemon.say(get + "/plan", 200, nothing_to_do);
    auto const ended = world.ctl({"reconcile", "--all", "--wait", "--timeout", "5s"});
    CHECK(ended.exit == fine);
    CHECK(ended.out == "everything will be reconciled now\naccount/acme: " + off + "\n");
}

TEST_CASE("reconcile --wait does not believe that services are off where a look finds that they are not") {
    CliFixture world;
    world.daemon.say("POST /v1/accounts/acme/reconcile", 202, "{}");
    world.daemon.say(get, 200, kept);
    world.daemon.say(get + "/plan", 200, R"({"steps":[{"object":"account/acme"}]})");
    CHECK(world.ctl({"reconcile", "account/acme", "--wait", "--timeout", "1s"}).exit == differs);
}

TEST_CASE("reconcile --wait of an account whose purge ends meanwhile says that it is gone") {
    CliFixture world;
    world.daemon.say("POST /v1/accounts/acme/reconcile", 202, "{}");
    world.daemon.say(get, 200, stopping);
    world.daemon.say(get, 404, "{}");
    auto const ended = world.ctl({"reconcile", "account/acme", "--wait"});
    CHECK(ended.exit == fine);
    CHECK(has(ended.out, "account/acme is gone\n"));
}

// ---- delete

TEST_CASE("delete --wait ends when the services are off, and says until when the data is kept") {
    CliFixture world;
    world.daemon.say("DELETE /v1/accounts/acme", 202, R"({"result":"terminating"})");
    world.daemon.say(get, 200, deleted("Grace", "of before", 1));
    world.daemon.say(get, 200, stopping);
    world.daemon.say(get, 200, kept);
    auto const ended = world.ctl({"delete", "account/acme", "--wait"});
    CHECK(ended.exit == fine);
    CHECK(ended.out == "account/acme terminating\naccount/acme: " + off + "\n");
}

TEST_CASE("delete --wait of what has no data to keep ends when it is gone") {
    CliFixture world;
    world.daemon.say("DELETE /v1/packages/starter", 202, R"({"result":"terminating"})");
    world.daemon.say("GET /v1/packages/starter", 404, "{}");
    auto const ended = world.ctl({"delete", "package/starter", "--wait"});
    CHECK(ended.exit == fine);
    CHECK(ended.out == "package/starter terminating\npackage/starter is gone\n");
}

TEST_CASE("neither delete --purge --wait nor wait --for=gone ends while the data is kept") {
    CliFixture world;
    world.daemon.say("DELETE /v1/accounts/acme?purge=true", 202, R"({"result":"terminating"})");
    world.daemon.say(get, 200, kept);
    CHECK(world.ctl({"delete", "account/acme", "--purge", "--wait", "--timeout", "0"}).exit == differs);
    auto const ended = world.ctl({"wait", "account/acme", "--for=gone", "--timeout", "0"});
    CHECK(ended.exit == differs);
    CHECK(ended.err.starts_with("account/acme is not gone after 0 s: "));
}

TEST_CASE("delete --keep-data --wait ends when the services are off and the data is kept, and fails if all is gone") {
    CliFixture world;
    world.daemon.say("DELETE /v1/accounts/acme?keep_data=true", 202, R"({"result":"terminating"})");
    world.daemon.say(get, 200, stopping);
    world.daemon.say(get, 200, kept);
    auto ended = world.ctl({"delete", "account/acme", "--keep-data", "--wait"});
    CHECK(ended.exit == fine);
    CHECK(has(ended.out, "\naccount/acme: " + off + "\n"));
    world.daemon.say(get, 404, "{}");
    ended = world.ctl({"delete", "account/acme", "--keep-data", "--wait"});
    ended = world.ctl({"delete", "account/acme", "--keep-data", "--wait"});
    CHECK(ended.exit == failed);
    CHECK(ended.err == "account/acme is gone, and its data with it\n");
}

// ---- several, and refusals

TEST_CASE("of several objects to delete one that is refused is named, and the others are deleted all the same") {
    CliFixture world;
    world.daemon.say("DELETE /v1/accounts/filed", 409, R"({"code":"owned_by","detail":"is kept by file:filed.yaml"})");
    for (auto const* name : {"acme", "beta"})
        world.daemon.say(std::string("DELETE /v1/accounts/") + name, 202, R"({"result":"terminating"})");
    world.daemon.say(get, 200, kept);
    world.daemon.say("GET /v1/accounts/beta", 404, "{}");
    auto const ended = world.ctl({"delete", "account/acme", "account/filed", "account/beta", "--wait"});
    CHECK(ended.exit == failed);
    CHECK(ended.err == "account/filed: is kept by file:filed.yaml\n");
    CHECK(has(ended.out, "account/beta terminating\n"));
    CHECK(has(ended.out, "account/beta is gone\n"));
    CHECK(has(ended.out, "account/acme: " + off + "\n"));
}

TEST_CASE("a refused pause, take-over or taking back of a purge names the object, once") {
    CliFixture world;
    world.daemon.say("DELETE /v1/accounts/acme?keep_data=true", 409, R"({"detail":"is not being removed"})");
    CHECK(world.ctl({"delete", "account/acme", "--keep-data"}).err == "account/acme: is not being removed\n");
    world.daemon.say("POST /v1/accounts/acme/pause", 409, R"({"detail":"is kept by file:acme.yaml"})");
    CHECK(world.ctl({"pause", "account/acme"}).err == "account/acme: is kept by file:acme.yaml\n");
    world.daemon.say("POST /v1/accounts/acme/take-over", 404, R"({"detail":"there is no account/acme"})");
    CHECK(world.ctl({"take-over", "account/acme"}).err == "there is no account/acme\n");
}

TEST_CASE("take-over takes several objects, and one that is refused does not keep the others from it") {
    CliFixture world;
    world.daemon.say("POST /v1/accounts/acme/take-over", 404, R"({"detail":"there is no account/acme"})");
    world.daemon.say("POST /v1/accounts/beta/take-over", 200, "{}");
    auto const ended = world.ctl({"take-over", "account/acme", "account/beta"});
    CHECK(ended.exit == failed);
    CHECK(ended.out == "account/beta is now managed through the API\n");
    CHECK(world.ctl({"take-over"}).exit == usage);
    CHECK(world.ctl({"take-over", "account/beta", "account/beta"}).exit == fine);
}

}  // namespace
}  // namespace genesis::cli
