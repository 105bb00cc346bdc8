// References between objects: where they stand, and what order they give.
#include "reconciler/store/kinds_fixture.hpp"

#include <catch2/catch.hpp>

using namespace genesis;

namespace {

std::string order_of(std::vector<Spec> specs) {
    sort_for_storing(specs, [](Spec const& spec) -> Spec const& { return spec; });
    std::string out;
    for (auto const& spec : specs) out += std::string(spec.kind->schema->kind) + "/" + spec.name + " ";
    return out;
}

Spec account(std::string const& name, std::string const& package) {
    return read_spec(*find_kind("account"), name, json::object{{"package", package}}).value();
}

}  // namespace

TEST_CASE("a reference is reported with its place, inside lists too, and the one that may lack its object is marked") {
    auto const guest = test_spec(
        "guest", "aa", R"("nics": [{"name": "x", "pool": "pp"}, {"name": "y", "pool": "qq"}], "after": "bb")");
    auto const found = references_at(*guest.kind->schema, guest.value);
    REQUIRE(found.size() == 3);
    CHECK(found[0].path == "/nics/0/pool");
    CHECK(found[1].path == "/nics/1/pool");
    CHECK(found[1].to == Ref{"pool", "qq"});
    CHECK_FALSE(found[1].may_lack);
    CHECK(found[2].path == "/after");
    auto const standard = references_at(schema_of<Account>(), account("acme", "default").value);
    REQUIRE(standard.size() == 1);
    CHECK(standard[0].path == "/package");
    CHECK(standard[0].may_lack);
    CHECK_FALSE(references_at(schema_of<Account>(), account("acme", "gold").value).at(0).may_lack);
}

TEST_CASE("what is referred to is stored first, all else as it was given, and a circle is no end") {
    auto const package = read_spec(*find_kind("package"), "gold", json::object()).value();
    CHECK(order_of({account("beta", "gold"), account("acme", "default"), package}) ==
          "package/gold account/beta account/acme ");
    auto const after = [](std::string const& name, std::string const& other) {
        return test_spec("guest", name, R"("after": ")" + other + "\"");
    };
    CHECK(order_of({after("aa", "bb"), after("bb", "cc"), test_spec("guest", "cc", "")}) ==
          "guest/cc guest/bb guest/aa ");
    CHECK(order_of({after("aa", "bb"), after("bb", "aa")}) == "guest/bb guest/aa ");
}
