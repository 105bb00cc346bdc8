// The laws every driver keeps. On machines in memory always; with [real] on the machine this runs on, which must be a
// lab server: every driver of the catalog is then the real one.
#include "drivers/catalog.hpp"
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

using namespace genesis;
using namespace genesis::test;

namespace {

std::string const other_spec = R"(
kind: account
name: lawful
state: active
sites:
  - domain: lawful.example
    aliases: [www.lawful.example, w3.lawful.example]
    php: {version: "8.2", max_children: 9, settings: {memory_limit: 64M}}
    https: {redirect: true, hsts_seconds: 600}
    redirects: [{from: /old, to: "https://lawful.example/new", code: 302}]
databases:
  - name: shop
    users:
      - {name: web, password: correct-horse-1, privileges: write}
ssh: {access: shell}
)";

std::string const none;

// What is wrong with the plan: everything it would still do.
std::string open_ends(Plan const& plan) { return plan.empty() ? "" : json::serialize(describe(plan)); }

void apply_then_observe_leaves_nothing_to_do(Bed& bed) {
    bed.put(standard_account("lawful", "lawful.example"));
    bed.converge();
    CHECK(open_ends(bed.examine()) == none);
}

void applying_twice_is_applying_once(Bed& bed) {
    bed.put(standard_account("lawful", "lawful.example"));
    auto const plan = bed.examine();
    for (int i = 0; i < 2; ++i) {
        for (auto const& [step, outcome] : bed.execute(plan)) {
            INFO(step.ref.str() << ": " << outcome.why);
            CHECK(outcome.how == Outcome::done);
        }
    }
    bed.restart();
    CHECK(open_ends(bed.examine()) == none);
}

void a_changed_spec_converges_and_back(Bed& bed) {
    bed.put(standard_account("lawful", "lawful.example"));
    bed.converge();
    bed.put(other_spec);
    bed.store->confirm_removals({"account", "lawful"});
    bed.converge();
    CHECK(open_ends(bed.examine()) == none);
    bed.put(standard_account("lawful", "lawful.example"));
    bed.converge();
    CHECK(open_ends(bed.examine()) == none);
}

void removal_leaves_nothing(Bed& bed) {
    bed.put(standard_account("lawful", "lawful.example"));
    bed.converge();
    REQUIRE(bed.store->remove({"account", "lawful"}, true, "api").has_value());
    bed.converge();
    bed.pass();
    CHECK_FALSE(bed.store->find({"account", "lawful"}).has_value());
    CHECK(bed.store->records().empty());
}

}  // namespace

TEST_CASE("law, in memory: apply, observe, and nothing is left to do") {
    Bed bed;
    apply_then_observe_leaves_nothing_to_do(bed);
}
TEST_CASE("law, in memory: applying twice is applying once") {
    Bed bed;
    applying_twice_is_applying_once(bed);
}
TEST_CASE("law, in memory: a changed spec converges, and back") {
    Bed bed;
    a_changed_spec_converges_and_back(bed);
}
TEST_CASE("law, in memory: removal leaves nothing") {
    Bed bed;
    removal_leaves_nothing(bed);
}

TEST_CASE("law, in memory: death after any number of steps converges to the same end") {
    std::map<Ref, json::object> end;
    int steps = 0;
    {
        Bed bed;
        bed.put(standard_account("lawful", "lawful.example"));
        bed.converge();
        end = bed.world.records;
        steps = bed.world.mutations;
    }
    REQUIRE(steps > 10);
    for (int k = 0; k <= steps; ++k) {
        Bed bed;
        bed.put(standard_account("lawful", "lawful.example"));
        bed.world.die_after = k;
        bed.pass();
        bed.world.dead = false;
        bed.world.die_after = -1;
        bed.restart();
        bed.clock.advance(std::chrono::hours(1));
        bed.converge();
        CHECK(bed.world.records == end);
    }
}

TEST_CASE("law, in memory: damage to any field of any record is named and mended in one pass") {
    Bed bed;
    bed.put(standard_account("lawful", "lawful.example"));
    bed.converge();
    auto const end = bed.world.records;
    for (auto const& [ref, value] : end) {
        auto const& schema = *bed.reconciler->kinds().find(ref.kind)->second.schema;
        for (auto const& f : schema.fields) {
            if (has(f.attributes, Attribute::fixed) || has(f.attributes, Attribute::write_only) || has(f.attributes, Attribute::reported)) continue;
            if (f.shape.type != Type::text && f.shape.type != Type::boolean && f.shape.type != Type::integer) continue;
            auto& field = bed.world.records.at(ref)[f.name];
            field = field.is_bool()    ? json::value(!field.as_bool())
                    : field.is_int64() ? json::value(field.as_int64() + 1)
                                       : json::value("damaged");
            auto const plan = bed.examine();
            INFO(ref.str() << " " << f.name);
            REQUIRE(plan.steps.size() == 1);
            CHECK(plan.steps[0].step.ref == ref);
            CHECK(plan.steps[0].step.changes.at(0).path == "/" + std::string(f.name));
            bed.converge();
            CHECK(bed.world.records == end);
        }
        bed.world.records.erase(ref);
        bed.converge();
        INFO(ref.str() << " removed");
        CHECK(bed.world.records == end);
    }
}

TEST_CASE("law, in memory: what is unseen is neither made nor removed") {
    Bed bed;
    bed.put(standard_account("lawful", "lawful.example"));
    bed.converge();
    auto const end = bed.world.records;
    for (auto const& [ref, value] : end) {
        bed.world.unseen = {ref};
        CHECK(bed.pass().steps == 0);
        CHECK(bed.world.records == end);
    }
}

TEST_CASE("law, in memory: what is unmanaged is never touched") {
    Bed bed;
    bed.put(standard_account("lawful", "lawful.example"));
    auto const plan = bed.examine();
    for (auto const& planned : plan.steps) bed.world.unmanaged[planned.step.ref] = {planned.step.want, "made by hand"};
    auto const before = bed.world.unmanaged.size();
    bed.converge();
    CHECK(bed.world.records.empty());
    CHECK(bed.world.unmanaged.size() == before);
}

namespace {

bool on_a_lab_server() {
    if (geteuid() == 0 && access("/etc/genesis-lab", F_OK) == 0) return true;
    WARN("not a lab server: the laws are not tried on real drivers here");
    return false;
}

// The same bed with the drivers this program ships, and nothing left behind.
struct RealBed : Bed {
    RealBed() : Bed(quick(), all_drivers({})) {}
    ~RealBed() override {
        if (!store->find({"account", "lawful"})) return;
        (void)store->remove({"account", "lawful"}, true, "api");
        for (int i = 0; i < 5; ++i) pass();
    }
};

}  // namespace

TEST_CASE("law, on real servers: apply, observe, and nothing is left to do", "[.real]") {
    if (!on_a_lab_server()) return;
    RealBed bed;
    apply_then_observe_leaves_nothing_to_do(bed);
}
TEST_CASE("law, on real servers: applying twice is applying once", "[.real]") {
    if (!on_a_lab_server()) return;
    RealBed bed;
    applying_twice_is_applying_once(bed);
}
TEST_CASE("law, on real servers: a changed spec converges, and back", "[.real]") {
    if (!on_a_lab_server()) return;
    RealBed bed;
    a_changed_spec_converges_and_back(bed);
}
TEST_CASE("law, on real servers: removal leaves nothing", "[.real]") {
    if (!on_a_lab_server()) return;
    RealBed bed;
    removal_leaves_nothing(bed);
}
