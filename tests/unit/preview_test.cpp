// A plan that is only shown: what it says is what would be done, and nothing remembers it.
#include "reconciler/plan/plan.hpp"
#include "reconciler/store/admission.hpp"
#include "resources/schema/document.hpp"
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

namespace genesis::test {
namespace {

Ref const acme{"account", "acme"};

Object as_put(Bed& bed, std::string const& yaml) {
    auto spec = read_spec(parse_yaml(yaml).value().front().value).value();
    return dry_run({*bed.store, bed.reserved}, std::move(spec), {}).value();
}

std::size_t steps(json::object const& plan) { return plan.at("steps").as_array().size(); }

std::string causes(json::object const& plan) {
    std::set<std::string> out;
    for (auto const& step : plan.at("steps").as_array()) out.insert(std::string(step.at("cause").as_string()));
    std::string text;
    for (auto const& cause : out) text += cause + " ";
    return text;
}

TEST_CASE(
    "a deletion that is only shown removes no more than the deletion does, however long ago the account changed") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.converge();
    bed.clock.advance(std::chrono::hours(24 * 30));
    auto const left = bed.store->remove_dry_run(acme, std::nullopt, "api").value();
    REQUIRE(left);
    auto const shown = describe(bed.preview(*left));
    bed.store->remove(acme, std::nullopt, "api").value();
    auto const real = describe(bed.examine());
    CHECK(json::serialize(shown.at("steps")) == json::serialize(real.at("steps")));
}

TEST_CASE("a package that is only shown has a plan for the accounts that name it") {
    Bed bed;
    std::string const package = "kind: package\nname: starter\nlimits: {tasks: ";
    bed.put(package + "100}\n");
    bed.put("kind: account\nname: acme\npackage: starter\n");
    bed.converge();
    auto const shown = describe(bed.preview(as_put(bed, package + "50}\n")));
    CHECK(steps(shown) == 1);
    CHECK(steps(describe(bed.examine())) == 0);
    bed.put(package + "50}\n");
    CHECK(json::serialize(describe(bed.examine()).at("steps")) == json::serialize(shown.at("steps")));
}

TEST_CASE("a plan that is only shown ends no pause between attempts and is no cause of later steps") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.converge();
    auto changed = standard_account("acme", "acme.example") + "state: suspended\n";
    bed.drift("slice", "genesis-acme", "tasks", 7);
    bed.world.fail["systemd"] = 1;
    bed.pass();
    auto const before = json::serialize(describe(bed.examine()));
    CHECK(steps(describe(bed.preview(as_put(bed, changed)))) > 1);
    CHECK(json::serialize(describe(bed.examine())) == before);
    CHECK(before.find("backing_off") != std::string::npos);
    bed.clock.advance(std::chrono::minutes(10));
    bed.converge();
    bed.drift("slice", "genesis-acme", "tasks", 7);
    CHECK(causes(describe(bed.examine())) == "drifted ");
}

}  // namespace
}  // namespace genesis::test
