// What the store promises of objects: equal is unchanged, conditions hold, what is deleted comes back or goes.
#include "reconciler/store/sqlite.hpp"

#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

namespace genesis {
namespace {

Ref const acme{"account", "acme"};

TEST_CASE("a spec that was put is there whole, and putting it again changes nothing") {
    StoreFixture f;
    auto const spec = account("acme", R"("contact": "ops@acme.example", "sites": [{"domain": "acme.example"}])");
    auto const first = put(f.store(), spec).value();
    CHECK(first.how == Wrote::created);
    CHECK(first.generation == 1);
    auto const again = put(f.store(), spec).value();
    CHECK(again.how == Wrote::unchanged);
    CHECK(again.generation == 1);
    f.reopen();
    auto const object = f.store().find(acme);
    REQUIRE(object);
    CHECK(object->spec == spec.value);
    CHECK(object->source == "api");
    CHECK(uid_of(*object) == 20000);
    CHECK(object->created == f.clock.now());
    CHECK_FALSE(f.store().find({"account", "other"}));
}

TEST_CASE("a changed spec has the next generation") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    auto const changed = put(f.store(), account("acme", R"("state": "suspended")")).value();
    CHECK(changed.how == Wrote::changed);
    CHECK(changed.generation == 2);
    CHECK(f.store().find(acme)->spec.at("state") == "suspended");
}

TEST_CASE("the generation that a put expects must be the stored one") {
    StoreFixture f;
    auto request = request_of(account("acme"));
    request.if_match = 1;
    CHECK(f.store().put(request).error().code == "precondition_failed");
    request.if_match.reset();
    request.if_none_match = true;
    CHECK(f.store().put(request).value().how == Wrote::created);
    CHECK(f.store().put(request).error().code == "precondition_failed");
    request.if_none_match = false;
    request.if_match = 2;
    CHECK(f.store().put(request).error().code == "precondition_failed");
    request.if_match = 1;
    CHECK(f.store().put(request).value().how == Wrote::unchanged);
}

TEST_CASE("an object of a file is refused to the API by the file's name until it is taken over") {
    StoreFixture f;
    auto request = request_of(account("acme"));
    request.source = "file:acme.yaml";
    f.store().put(request).value();
    request.source = "api";
    auto const refusal = f.store().put(request).error();
    CHECK(refusal.code == "owned_by");
    CHECK(refusal.text.find("file:acme.yaml") != std::string::npos);
    CHECK(f.store().remove(acme, std::nullopt, "api").error().code == "owned_by");
    request.take_over = true;
    CHECK(f.store().put(request).value().how == Wrote::changed);
    CHECK(f.store().find(acme)->source == "api");
    CHECK(f.store().set_source(acme, "file:b.yaml").value().generation == 1);
    CHECK(f.store().find(acme)->source == "file:b.yaml");
}

TEST_CASE("a removed object is terminating, and purge may be added") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    CHECK(f.store().remove({"account", "none"}, std::nullopt, "api").value().how == Wrote::unchanged);
    CHECK(f.store().remove({"account", "none"}, false, "api").error().code == "not_found");
    CHECK(f.store().remove(acme, false, "api").error().code == "not_terminating");
    CHECK(f.store().remove(acme, std::nullopt, "api").value().generation == 2);
    auto const since = f.store().find(acme)->terminating;
    REQUIRE(since);
    f.clock.milliseconds += 5000;
    CHECK(f.store().remove(acme, std::nullopt, "api").value().how == Wrote::unchanged);
    CHECK(f.store().remove(acme, true, "api").value().how == Wrote::changed);
    CHECK(f.store().find(acme)->terminating == since);
    CHECK(f.store().find(acme)->purge);
    CHECK(f.store().remove(acme, std::nullopt, "api").value().how == Wrote::unchanged);
}

TEST_CASE("an object that is being purged is not put again, unless the purge is taken back") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    SECTION("by its grace") {
        f.store().remove(acme, std::nullopt, "api").value();
        std::vector<std::pair<Ref, std::int64_t>> over{{acme, 1}};
        f.store().end_graces(over);
        CHECK_FALSE(f.store().find(acme)->purge);  // another generation
        over[0].second = 2;
        f.store().end_graces(over);
    }
    SECTION("by an operator") { f.store().remove(acme, true, "api").value(); }
    CHECK(f.store().find(acme)->purge);
    CHECK(put(f.store(), account("acme")).error().code == "being_purged");
    f.clock.milliseconds += 5000;
    CHECK(f.store().remove(acme, false, "api").value().how == Wrote::changed);
    CHECK(f.store().find(acme)->terminating == f.clock.now());
    CHECK(put(f.store(), account("acme")).value().how == Wrote::changed);
    auto const back = f.store().find(acme);
    CHECK_FALSE(back->terminating);
    CHECK_FALSE(back->purge);
    CHECK(uid_of(*back) == 20000);
}

TEST_CASE("an object that was put again is not forgotten as the one that was to go") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    auto const gone = f.store().remove(acme, true, "api").value().generation;
    f.store().remove(acme, false, "api").value();
    auto const again = put(f.store(), account("acme")).value().generation;
    CHECK_FALSE(f.store().forget(acme, gone));
    CHECK(f.store().find(acme));
    CHECK(f.store().forget(acme, again));
    CHECK_FALSE(f.store().find(acme));
    CHECK(f.store().forget(acme, again));  // is not there already
}

TEST_CASE("a package that accounts name is in use, and says which they are") {
    StoreFixture f;
    put(f.store(), spec_of(R"({"kind": "package", "name": "starter"})")).value();
    put(f.store(), account("acme", R"("package": "starter")")).value();
    put(f.store(), account("beta", R"("package": "starter")")).value();
    auto const refusal = f.store().remove({"package", "starter"}, std::nullopt, "api").error();
    CHECK(refusal.code == "in_use");
    CHECK(refusal.text == "2 accounts name it: account/acme, account/beta");
    CHECK(f.store().dependents({"package", "starter"}) == std::vector<Ref>{acme, {"account", "beta"}});
    f.store().forget(acme);
    CHECK(f.store().remove({"package", "starter"}, std::nullopt, "api").error().text ==
          "1 account names it: account/beta");
    f.store().forget({"account", "beta"});
    CHECK(f.store().remove({"package", "starter"}, std::nullopt, "api").value().how == Wrote::changed);
}

TEST_CASE("objects come by name, by kind, and page by page") {
    StoreFixture f;
    for (auto const* name : {"delta", "alpha", "charlie", "bravo"}) put(f.store(), account(name)).value();
    put(f.store(), spec_of(R"({"kind": "package", "name": "bronze"})")).value();
    auto names = [](std::vector<Object> const& objects) {
        std::string out;
        for (auto const& o : objects) out += o.ref.key + " ";
        return out;
    };
    CHECK(names(f.store().objects("")) == "alpha bravo bronze charlie delta ");
    CHECK(names(f.store().objects("account")) == "alpha bravo charlie delta ");
    CHECK(names(f.store().list("account", "", 2)) == "alpha bravo ");
    CHECK(names(f.store().list("account", "bravo", 2)) == "charlie delta ");
    CHECK(names(f.store().list("account", "delta", 2)).empty());
}

TEST_CASE("a pause of the whole server outlives a restart, is audited, and takes a nonce once") {
    StoreFixture f;
    CHECK_FALSE(f.store().all_paused());
    Actor by{"ops", "192.0.2.7", "r-1", Nonce{"ops", 1000, "AAAAAAAAAAAAAAAAAAAAAA"}}, again = by;
    CHECK(f.store().set_all_paused(true, by));
    CHECK_FALSE(f.store().set_all_paused(false, again));
    f.reopen();
    CHECK(f.store().all_paused());
    auto const noted = f.store().audit(0, 10);
    REQUIRE(noted.size() == 1);
    CHECK(noted[0].action == "pause");
    CHECK(noted[0].who == "ops");
    CHECK(noted[0].object.kind == "node");
    Actor next{"root", "local", "", {}};
    CHECK(f.store().set_all_paused(false, next));
    CHECK_FALSE(f.store().all_paused());
}

TEST_CASE("conditions come back as they were, and those of another version as far as they are known") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    auto const message = std::string(600, 'x') + "\nand a second line";
    f.store().set_status(acme, 1, {{ConditionType::ready, Truth::no, ConditionReason::failing, message, 1, "then"}});
    f.reopen();
    auto const kept = f.store().find(acme).value().conditions;
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].reason == ConditionReason::failing);
    CHECK(kept[0].message == message);
    f.close();
    SQLite::Database(f.path(), SQLite::OPEN_READWRITE)
        .exec(R"(UPDATE objects SET conditions = '[{"type":"balanced","status":"true","reason":"None"},)"
              R"({"type":"ready","status":"true","reason":"Splendid","message":"all is well"},)"
              R"({"type":"paused","status":"perhaps","reason":"None"}]')");
    f.open();
    auto const other = f.store().find(acme).value().conditions;
    REQUIRE(other.size() == 1);
    CHECK(is_true(other, ConditionType::ready));
    CHECK(other[0].reason == ConditionReason::none);
}

TEST_CASE("flags and status are kept, and an unknown object is not found") {
    StoreFixture f;
    CHECK(f.store().set_paused(acme, true).error().code == "not_found");
    put(f.store(), account("acme")).value();
    f.store().set_paused(acme, true).value();
    f.store().set_adopt(acme, true).value();
    CHECK(f.store().confirm_removals(acme).value().generation == 1);
    f.store().set_status(
        acme, 1,
        {{ConditionType::ready, Truth::yes, ConditionReason::as_wanted, "all is well", 1, "2026-11-23T10:00:00Z"}});
    f.reopen();
    auto const object = f.store().find(acme).value();
    CHECK(object.paused);
    CHECK(object.adopt);
    CHECK(object.confirmed_generation == 1);
    CHECK(object.observed_generation == 1);
    REQUIRE(object.conditions.size() == 1);
    CHECK(object.conditions[0].message == "all is well");
    CHECK_FALSE(f.store().unhealthy());
}

TEST_CASE("a refusal or an exception from the spec leaves nothing behind, and others in the group are written") {
    StoreFixture f;
    PutRequest request;
    request.ref = acme;
    request.spec = [](Object const*, auto const&) -> Stored<json::object> { return StoreRefusal{"invalid", "no", {}}; };
    CHECK(f.store().put(request).error().code == "invalid");
    request.spec = [](Object const*, auto const&) -> Stored<json::object> { throw std::runtime_error("oops"); };
    CHECK_THROWS_AS(f.store().put(request), std::runtime_error);
    CHECK_FALSE(f.store().find(acme));
    CHECK(put(f.store(), account("acme")).has_value());
}

TEST_CASE("a dry run shows the object with its number and stores nothing") {
    StoreFixture f;
    auto const object = f.store().dry_run(request_of(account_with_domain("acme", "acme.example"))).value();
    CHECK(object.generation == 1);
    CHECK(uid_of(object) == 20000);
    CHECK_FALSE(f.store().find(acme));
    CHECK(put(f.store(), account_with_domain("beta", "acme.example")).value().how == Wrote::created);
    CHECK(f.store().dry_run(request_of(account_with_domain("acme", "acme.example"))).error().code == "domain_taken");
}

TEST_CASE("find() inside a put sees what the same transaction holds") {
    StoreFixture f;
    put(f.store(), account("beta")).value();
    auto request = request_of(account("acme"));
    bool seen = false;
    auto const spec = request.spec;
    request.spec = [&](Object const* former, PutRequest::Find const& find) {
        seen = f.store().find({"account", "beta"}).has_value();
        return spec(former, find);
    };
    f.store().put(request).value();
    CHECK(seen);
}

std::string raw(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

TEST_CASE("no secret is on disk in clear, neither in the database nor in its log") {
    StoreFixture f;
    std::string const marker = "MARKERsecret4711";
    auto spec = account(
        "acme", R"("databases": [{"name": "shop", "users": [{"name": "web", "password": ")" + marker + "\"}]}]");
    std::map<std::string, Secret> generated{{"databases/shop/users/web", Secret(marker)}};
    auto request = request_of(spec);
    request.generated = &generated;
    f.store().put(request).value();
    CHECK(put(f.store(), spec).value().how == Wrote::unchanged);
    auto const log = raw(f.path() + "-wal"), before = raw(f.path());
    CHECK(log.find("not in this spec") == std::string::npos);  // long enough not to come up among sealed bytes
    CHECK(log.find("shop") != std::string::npos);              // the look itself sees something
    CHECK(log.find(marker) == std::string::npos);
    CHECK(before.find(marker) == std::string::npos);
    f.close();
    CHECK(raw(f.path()).find("shop") != std::string::npos);
    CHECK(raw(f.path()).find(marker) == std::string::npos);
    f.open();
    CHECK(f.store().find(acme)->spec == spec.value);
    CHECK((std::filesystem::status(f.path()).permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("generated secrets are shown once, and not when they were replaced since") {
    StoreFixture f;
    auto with = [](std::string const& one, std::string const& two) {
        return account("acme", R"("databases": [{"name": "shop", "users": [{"name": "web", "password": ")" + one +
                                   R"("}, {"name": "ro", "password": ")" + two + "\"}]}]");
    };
    std::map<std::string, Secret> generated{{"databases/shop/users/web", Secret("first-secret")},
                                            {"databases/shop/users/ro", Secret("other-secret")}};
    auto request = request_of(with("first-secret", "other-secret"));
    request.generated = &generated;
    f.store().put(request).value();
    put(f.store(), with("first-secret", "chosen-by-hand")).value();
    auto const shown = f.store().take_credentials(acme).value();
    REQUIRE(shown.size() == 1);
    CHECK(shown.at("databases/shop/users/web").reveal() == "first-secret");
    CHECK(f.store().take_credentials(acme).value().empty());
    CHECK(f.store().take_credentials({"account", "none"}).value().empty());
}

TEST_CASE("a store opened with another master key throws, and says no secret") {
    StoreFixture f;
    put(f.store(),
        account("acme", R"("databases": [{"name": "d", "users": [{"name": "u", "password": "longpassword"}]}])"))
        .value();
    f.close();
    SqliteStore other(f.path(), "node1", Vault::with_key(Secret(std::string(31, 'x') + "y")), f.clock);
    CHECK_THROWS_AS(other.find(acme), Fault);
}

TEST_CASE("what one node stores another does not see") {
    StoreFixture f;
    put(f.store(), account_with_domain("acme", "acme.example")).value();
    f.close();
    SqliteStore other(f.path(), "node2", Vault::with_key(Secret(f.key())), f.clock);
    CHECK_FALSE(other.find(acme));
    CHECK(put(other, account_with_domain("beta", "acme.example")).value().how == Wrote::created);
    CHECK(uid_of(*other.find({"account", "beta"})) == 20000);
}

}  // namespace
}  // namespace genesis
