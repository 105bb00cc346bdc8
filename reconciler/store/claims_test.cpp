// One owner of a name at any time, whatever the order of the claims; a number is given once and never again.
#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

namespace genesis {
namespace {

TEST_CASE("a name reads backwards label by label") {
    CHECK(reversed("www.acme.example") == "example.acme.www");
    CHECK(reversed("*.acme.example") == "example.acme.*");
    CHECK(reversed("example") == "example");
}

bool both_may_have(std::string const& first, std::string const& second, NamesBeneath beneath = NamesBeneath::allowed) {
    StoreFixture f;
    f.beneath = beneath;
    f.reopen();
    put(f.store(), account_with_domain("alpha", first)).value();
    return put(f.store(), account_with_domain("bravo", second)).has_value();
}

TEST_CASE("two accounts and two names, where names beneath others are allowed: the same answer in either order") {
    struct Pair {
        std::string one, two;
        bool allowed;
    };
    for (auto const& [one, two, allowed] : std::vector<Pair>{
             {"x.example", "x.example", false},
             {"x.example", "y.example", true},
             {"x.example", "a.x.example", true},
             {"a.x.example", "ax.example", true},
             {"*.x.example", "*.x.example", false},
             {"*.x.example", "a.x.example", false},
             {"*.x.example", "b.a.x.example", false},
             {"*.x.example", "*.a.x.example", false},
             {"*.x.example", "x.example", false},
             {"*.x.example", "ax.example", true},
             {"*.x.example", "a-x.example", true},
             {"*.x.example", "x-a.example", true},
             {"*.x.example", "x.example.org", true},
         }) {
        INFO(one << " and " << two);
        CHECK(both_may_have(one, two) == allowed);
        CHECK(both_may_have(two, one) == allowed);
    }
}

TEST_CASE("a name beneath another account's is refused, and one above it is given") {
    auto const may_follow = [](std::string const& one, std::string const& two) {
        return both_may_have(one, two, NamesBeneath::refused);
    };
    for (auto const* beneath : {"shop.acme.test", "a.b.c.acme.test", "*.shop.acme.test"}) {
        INFO(beneath);
        CHECK_FALSE(may_follow("acme.test", beneath));
        CHECK(may_follow(beneath, "acme.test"));
    }
    CHECK(may_follow("acme.test", "shopacme.test"));
    CHECK(may_follow("acme.test", "acme.test.example"));
    CHECK(may_follow("www.acme.test", "shop.acme.test"));
}

TEST_CASE("who has a name beneath another account's keeps it, and gets no further one there") {
    StoreFixture f;
    put(f.store(), account("alpha", R"("sites": [{"domain": "shop.acme.test"}])")).value();
    put(f.store(), account("bravo", R"("sites": [{"domain": "acme.test", "aliases": ["www.acme.test"]}])")).value();
    CHECK(put(f.store(), account("alpha", R"("state": "suspended", "sites": [{"domain": "shop.acme.test"}])"))
              .has_value());
    auto const refusal =
        put(f.store(), account("alpha", R"("sites": [{"domain": "shop.acme.test", "aliases": ["pay.acme.test"]}])"))
            .error();
    CHECK(refusal.code == "domain_taken");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0].path == "/sites/0/aliases/0");
    CHECK(refusal.problems[0].text == "pay.acme.test is beneath acme.test, which another account has");
    put(f.store(), account("alpha")).value();
    CHECK(put(f.store(), account("alpha", R"("sites": [{"domain": "shop.acme.test"}])")).has_error());
    CHECK(put(f.store(), account("bravo", R"("sites": [{"domain": "acme.test"}, {"domain": "shop.acme.test"}])"))
              .has_value());
}

TEST_CASE("a taken name is reported at its place in the spec and never says whose it is") {
    StoreFixture f;
    put(f.store(), account_with_domain("victim", "shop.example")).value();
    auto const refusal =
        put(f.store(), account("acme", R"("sites": [{"domain": "a.test"}, {"domain": "b.test", "aliases":
            ["c.test", "shop.example"]}])"))
            .error();
    CHECK(refusal.code == "domain_taken");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0].path == "/sites/1/aliases/1");
    CHECK(refusal.problems[0].text == "shop.example is used by another account");
    CHECK(refusal.text.find("victim") == std::string::npos);
    CHECK_FALSE(f.store().find({"account", "acme"}));
}

TEST_CASE("names move freely between the sites of one account, wildcards too") {
    StoreFixture f;
    put(f.store(),
        account("acme", R"("sites": [{"domain": "a.test", "aliases": ["*.a.test"]}, {"domain": "x.a.test"}])"))
        .value();
    CHECK(
        put(f.store(), account("acme", R"("sites": [{"domain": "x.a.test", "aliases": ["a.test"]}, {"domain": "b.test",
        "aliases": ["*.a.test"]}])"))
            .has_value());
}

TEST_CASE("a name is free again once its site is gone or its account is forgotten, and not before") {
    StoreFixture f;
    put(f.store(), account_with_domain("alpha", "x.example")).value();
    f.store().remove({"account", "alpha"}, std::nullopt, "api").value();
    CHECK(put(f.store(), account_with_domain("bravo", "x.example")).has_error());
    put(f.store(), account_with_domain("alpha", "y.example")).value();
    CHECK(put(f.store(), account_with_domain("bravo", "x.example")).has_value());
    f.store().remove({"account", "alpha"}, true, "api").value();
    f.store().forget({"account", "alpha"});
    CHECK(put(f.store(), account_with_domain("charlie", "y.example")).has_value());
}

// The policy said once more, slowly and over plain texts.
bool beneath(std::string const& name, std::string const& parent) { return name.ends_with("." + parent); }
bool clash(std::string const& a, std::string const& b) {
    auto covers = [&](std::string const& wild, std::string const& name) {
        if (!wild.starts_with("*.")) return false;
        auto const parent = wild.substr(2);
        return name == parent || beneath(name, parent);
    };
    return a == b || covers(a, b) || covers(b, a);
}

std::vector<std::string> domains_of(json::object const& spec) {
    std::vector<std::string> out;
    for (auto const& claim : find_kind("account")->claims(spec))
        if (claim.space == spaces::domain) out.push_back(text_of(claim.value));
    return out;
}

TEST_CASE("a thousand random claims of three accounts never give two of them clashing names") {
    StoreFixture f;
    std::mt19937 random(4711);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same run every time
    std::vector<std::string> const names{"x.test",       "*.x.test",     "a.x.test", "*.a.x.test", "b.a.x.test",
                                         "c.b.a.x.test", "*.b.a.x.test", "y.test",   "xx.test",    "*.y.test"};
    std::vector<std::string> const accounts{"alpha", "bravo", "charlie"};
    int accepted = 0;
    for (int i = 0; i < 1000; ++i) {
        auto const& who = accounts[random() % accounts.size()];
        std::string aliases;
        for (auto const& name : names)
            if (random() % 5 == 0) aliases += (aliases.empty() ? "\"" : ", \"") + name + "\"";
        auto const spec = account(who, R"("sites": [{"domain": ")" + who + R"(.test", "aliases": [)" + aliases + "]}]");
        auto const stored = f.store().find({"account", who});
        auto const before = stored ? domains_of(stored->spec) : std::vector<std::string>();
        bool fits = true;
        for (auto const& other : f.store().objects("account"))
            for (auto const& theirs : other.ref.key == who ? std::vector<std::string>() : domains_of(other.spec))
                for (auto const& mine : domains_of(spec.value)) {
                    bool const fresh = std::find(before.begin(), before.end(), mine) == before.end();
                    fits = fits && !clash(mine, theirs) && !(fresh && beneath(mine, theirs));
                }
        REQUIRE(put(f.store(), spec).has_value() == fits);
        accepted += fits ? 1 : 0;
    }
    CHECK(accepted > 100);
    CHECK(accepted < 900);
}

TEST_CASE("a uid is never given twice, not after the account is forgotten and not after a restart") {
    StoreFixture f;
    std::set<std::int64_t> given;
    for (int i = 0; i < 30; ++i) {
        put(f.store(), account("acme")).value();
        CHECK(given.insert(uid_of(*f.store().find({"account", "acme"}))).second);
        f.store().forget({"account", "acme"});
        if (i % 10 == 0) f.reopen();
    }
    CHECK(*given.begin() == 20000);
    CHECK(*given.rbegin() == 20029);
}

TEST_CASE("a uid that the machine uses is skipped, and when none is left the put is refused") {
    StoreFixture f;
    f.free_uid = [](std::int64_t n) { return n >= 20003; };
    f.last_uid = 20004;
    f.reopen();
    put(f.store(), account("alpha")).value();
    put(f.store(), account("bravo")).value();
    CHECK(uid_of(*f.store().find({"account", "alpha"})) == 20003);
    CHECK(uid_of(*f.store().find({"account", "bravo"})) == 20004);
    CHECK(put(f.store(), account("charlie")).error().code == "exhausted");
    CHECK_FALSE(f.store().find({"account", "charlie"}));
}

}  // namespace
}  // namespace genesis
