// What a spec must pass before it is stored, and what is filled in on the way.
#include "reconciler/store/admission.hpp"

#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

struct TestReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const& name) const override {
        if (name == "backup") return "is a user of this system";
        return std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> domain(std::string const& name) const override {
        if (name == "panel.example") return "is a name of this server";
        return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return php; }
    std::vector<std::string> php{"7.4", "8.2"};
};

struct AdmissionFixture : StoreFixture {
    TestReserved reserved;
    Stored<Written> admit_spec(Spec const& spec, AdmissionOptions const& options = {}) {
        return admit({store(), reserved}, spec, options);
    }
    std::string password() {
        auto const spec = store().find({"account", "acme"})->spec;
        return std::string(
            spec.at("databases").as_array().at(0).at("users").as_array().at(0).at("password").as_string());
    }
};

Spec with_user(std::string const& user_fields) {
    return account("acme", R"("databases": [{"name": "shop", "users": [{"name": "web")" + user_fields + "}]}]");
}

TEST_CASE("a password left out is made up once, shown once, and stays") {
    AdmissionFixture f;
    CHECK(f.admit_spec(with_user("")).value().how == Wrote::created);
    auto const made = f.password();
    CHECK(made.size() == 24);
    CHECK(f.admit_spec(with_user("")).value().how == Wrote::unchanged);
    CHECK(f.password() == made);
    auto const shown = f.store().take_credentials({"account", "acme"}).value();
    REQUIRE(shown.size() == 1);
    CHECK(shown.at("databases/shop/users/web").reveal() == made);
}

TEST_CASE("eight asterisks keep what is stored, and are a problem where nothing is") {
    AdmissionFixture f;
    auto const kept = with_user(R"(, "password": "********")");
    auto const refusal = f.admit_spec(kept).error();
    CHECK(refusal.code == "invalid");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0].path == "/databases/0/users/0/password");
    CHECK(refusal.problems[0].text == "there is no stored secret to keep");
    f.admit_spec(with_user(R"(, "password": "correct-horse")")).value();
    CHECK(f.admit_spec(kept).value().how == Wrote::unchanged);
    CHECK(f.password() == "correct-horse");
    CHECK(f.admit_spec(with_user("")).value().how == Wrote::unchanged);
    CHECK(f.store().take_credentials({"account", "acme"}).value().empty());
}

TEST_CASE("a secret follows its record when the list is put in another order") {
    AdmissionFixture f;
    auto both = [](std::string const& first, std::string const& second) {
        return account("acme", R"("databases": [{"name": "d", "users": [)" + first + ", " + second + "]}]");
    };
    f.admit_spec(both(R"({"name": "one", "password": "password-1"})", R"({"name": "two", "password": "password-2"})"))
        .value();
    f.admit_spec(both(R"({"name": "two", "password": "********"})", R"({"name": "one"})")).value();
    CHECK(f.password() == "password-2");
}

TEST_CASE("a name of this system is refused to a new account, every domain of the server to all, all at once") {
    AdmissionFixture f;
    auto refusal = f.admit_spec(account("backup")).error();
    CHECK(refusal.code == "reserved");
    CHECK(refusal.problems.at(0).path == "/name");
    refusal = f.admit_spec(account("backup", R"("package": "gold", "sites": [{"domain": "a.test", "aliases":
        ["panel.example"]}])"))
                  .error();
    REQUIRE(refusal.problems.size() == 3);
    CHECK(refusal.problems[1].path == "/sites/0/aliases/0");
    CHECK(refusal.problems[2].path == "/package");
    put(f.store(), account("backup")).value();  // it was there before the system took the name
    CHECK(f.admit_spec(account("backup", R"("contact": "a@b.example")")).has_value());
    CHECK(f.admit_spec(spec_of(R"({"kind": "package", "name": "backup"})")).has_value());
}

TEST_CASE("a domain that was reserved after an account had it stays with it, and no other gets it") {
    AdmissionFixture f;
    put(f.store(), account("acme", R"("sites": [{"domain": "panel.example"}])")).value();
    auto const suspended = R"("state": "suspended", "sites": [{"domain": "panel.example"}])";
    CHECK(f.admit_spec(account("acme", suspended)).has_value());
    f.admit_spec(account("acme")).value();
    CHECK(f.admit_spec(account("acme", suspended)).error().code == "reserved");
}

std::string php_of(StoreFixture& f, std::size_t site = 0) {
    auto const spec = f.store().find({"account", "acme"})->spec;
    return std::string(spec.at("sites").at(site).at("php").at("version").as_string());
}
Spec with_php(std::string const& php) {
    return account("acme", R"("sites": [{"domain": "a.test", "php": )" + php + "}]");
}

TEST_CASE("a version of PHP left out is the newest that is installed, and a later installation does not move it") {
    AdmissionFixture f;
    CHECK(f.admit_spec(with_php("{}")).value().how == Wrote::created);
    CHECK(php_of(f) == "8.2");
    f.reserved.php = {"8.2", "8.4"};
    CHECK(f.admit_spec(with_php("{}")).value().how == Wrote::unchanged);
    CHECK(php_of(f) == "8.2");
    auto const two = account("acme", R"("sites": [{"domain": "b.test", "php": {}}, {"domain": "a.test", "php": {}}])");
    f.admit_spec(two).value();
    CHECK(php_of(f, 0) == "8.4");
    CHECK(php_of(f, 1) == "8.2");
}

TEST_CASE("a version of PHP that is not installed is refused, and a site that has it keeps it") {
    AdmissionFixture f;
    f.admit_spec(with_php(R"({"version": "7.4"})")).value();
    auto const refusal = f.admit_spec(with_php(R"({"version": "8.4"})")).error();
    CHECK(refusal.code == "invalid");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0].path == "/sites/0/php/version");
    CHECK(refusal.problems[0].code == "not_installed");
    CHECK(refusal.problems[0].text == "PHP 8.4 is not installed; there are: 7.4, 8.2");
    CHECK(php_of(f) == "7.4");
    f.reserved.php = {};
    CHECK(f.admit_spec(with_php(R"({"version": "7.4", "max_children": 9})")).has_value());
    auto const other = account("acme", R"("sites": [{"domain": "b.test", "php": {}}])");
    CHECK(f.admit_spec(other).error().problems.at(0).path == "/sites/0/php");
    CHECK(f.admit_spec(account("acme", R"("sites": [{"domain": "b.test", "php": "none"}])")).has_value());
}

TEST_CASE("a package must be there and living; default needs none") {
    AdmissionFixture f;
    CHECK(f.admit_spec(account("acme")).has_value());
    auto const gold = account("acme", R"("package": "gold")");
    CHECK(f.admit_spec(gold).error().problems.at(0).text == "there is no package gold");
    auto const package = spec_of(R"({"kind": "package", "name": "gold"})");
    f.admit_spec(package).value();
    f.store().remove({"package", "gold"}, std::nullopt, "api").value();
    CHECK(f.admit_spec(gold).has_error());
    f.admit_spec(package).value();
    CHECK(f.admit_spec(gold).has_value());
}

TEST_CASE("no more sites and databases than the package allows, unless the account says otherwise") {
    AdmissionFixture f;
    f.admit_spec(spec_of(R"({"kind": "package", "name": "small", "limits": {"sites": 1, "databases": 0}})")).value();
    std::string const two = R"("package": "small", "sites": [{"domain": "a.test"}, {"domain": "b.test"}])";
    auto const refusal = f.admit_spec(account("acme", two)).error();
    CHECK(refusal.code == "invalid");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0].path == "/sites");
    CHECK(refusal.problems[0].text == "the package allows 1");
    CHECK(f.admit_spec(account("acme", R"("package": "small", "databases": [{"name": "d"}])"))
              .error()
              .problems.at(0)
              .path == "/databases");
    CHECK(f.admit_spec(account("acme", two + R"(, "limits": {"sites": 2})")).has_value());
}

Spec package(std::string const& name, std::string const& limits) {
    return spec_of(R"({"kind": "package", "name": ")" + name + R"(", "limits": {)" + limits + "}}");
}

TEST_CASE("an account over its limit can be suspended, and gets no other package or limit that it is over") {
    AdmissionFixture f;
    f.admit_spec(package("small", R"("sites": 1)")).value();
    f.admit_spec(package("tiny", R"("sites": 0)")).value();
    std::string const two = R"("sites": [{"domain": "a.test"}, {"domain": "b.test"}])";
    put(f.store(), account("acme", two + R"(, "package": "small")")).value();
    CHECK(f.admit_spec(account("acme", two + R"(, "package": "small", "state": "suspended")")).has_value());
    for (auto const* other : {R"(, "package": "tiny")", R"(, "package": "small", "limits": {"sites": 1})"}) {
        auto const refusal = f.admit_spec(account("acme", two + other)).error();
        REQUIRE(refusal.problems.size() == 1);
        CHECK(refusal.problems[0].path == "/sites");
    }
    CHECK(f.admit_spec(account("acme", two + R"(, "package": "tiny", "limits": {"sites": 2})")).has_value());
    CHECK(f.admit_spec(account("acme", two + R"(, "package": "tiny")")).has_error());
}

TEST_CASE("a package cannot be made smaller than what its accounts have, unless they have limits of their own") {
    AdmissionFixture f;
    f.admit_spec(package("gold", R"("sites": 5)")).value();
    std::string const two = R"("package": "gold", "sites": [{"domain": "a.test"}, {"domain": "b.test"}])";
    f.admit_spec(account("acme", two)).value();
    auto const refusal = f.admit_spec(package("gold", R"("sites": 1)")).error();
    CHECK(refusal.code == "invalid");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0] ==
          Problem{"/limits/sites", "too_small",
                  "1 account has more: account/acme has 2; each needs fewer, or limits of its own, first"});
    CHECK(dry_run({f.store(), f.reserved}, package("gold", R"("sites": 1)"), {}).has_error());
    CHECK(f.admit_spec(package("gold", R"("sites": 2)")).has_value());
    CHECK(f.admit_spec(package("gold", R"("sites": 2, "databases": 0)")).has_value());
    f.admit_spec(account("acme", two + R"(, "limits": {"sites": 2})")).value();
    CHECK(f.admit_spec(package("gold", R"("sites": 1)")).has_value());
    CHECK(f.admit_spec(account("acme", two)).has_error());
}

TEST_CASE("the accounts of a smaller package are counted, the first of them named; those that go do not count") {
    AdmissionFixture f;
    for (auto const* name : {"ada", "bob", "cyd", "dan", "eve", "fay", "gil"})
        f.admit_spec(account(name, R"("databases": [{"name": "d", "users": [{"name": "u"}]}])")).value();
    f.store().remove({"account", "ada"}, std::nullopt, "api").value();
    auto const refusal = f.admit_spec(package("default", R"("databases": 0)")).error();
    CHECK(refusal.problems.at(0).path == "/limits/databases");
    CHECK(refusal.text ==
          "6 accounts have more: account/bob has 1, account/cyd has 1, account/dan has 1, account/eve has 1, "
          "account/fay has 1 and 1 other; each needs fewer, or limits of its own, first");
    CHECK(f.admit_spec(package("default", R"("databases": 1)")).has_value());
}

TEST_CASE("an account has at most 2000 names, which are counted before any is looked for") {
    auto const with_names = [](int sites, int aliases) {
        std::string list;
        for (int i = 0; i < sites; ++i) {
            std::string names;
            for (int k = 0; k < aliases; ++k)
                names += (k > 0 ? "," : "") + ("\"n" + std::to_string(k) + ".s" + std::to_string(i) + ".test\"");
            list += (i > 0 ? "," : "") + (R"({"domain": "s)" + std::to_string(i) + R"(.test", "aliases": [)") + names +
                    "]}";
        }
        return read_spec(*find_kind("account"), "acme", parse_json("{\"sites\": [" + list + "]}").value());
    };
    CHECK(with_names(1000, 1).has_value());
    CHECK(with_names(20, 99).has_value());
    auto const refused = with_names(230, 100);
    REQUIRE(refused.has_error());
    CHECK(refused.error().problems == Problems{{"/sites", "too_many", "have 23230 names together, and may have 2000"}});
}

TEST_CASE("a dry run passes the same checks and stores nothing, not even the secret it made up") {
    AdmissionFixture f;
    Admission const admission{f.store(), f.reserved};
    CHECK(dry_run(admission, account("backup"), {}).error().code == "reserved");
    auto const object = dry_run(admission, with_user(""), {}).value();
    CHECK(uid_of(object) == 20000);
    CHECK_FALSE(f.store().find({"account", "acme"}));
    f.admit_spec(with_user(R"(, "password": "chosen-by-hand")")).value();
    CHECK(f.store().take_credentials({"account", "acme"}).value().empty());
}

TEST_CASE("conditions and the source of a put reach the store") {
    AdmissionFixture f;
    AdmissionOptions options;
    options.source = "file:acme.yaml";
    options.if_none_match = true;
    CHECK(f.admit_spec(account("acme"), options).has_value());
    CHECK(f.admit_spec(account("acme"), options).error().code == "precondition_failed");
    CHECK(f.admit_spec(account("acme")).error().code == "owned_by");
    options = {};
    options.take_over = true;
    options.if_match = 1;
    CHECK(f.admit_spec(account("acme"), options).value().how == Wrote::changed);
}

}  // namespace
}  // namespace genesis
