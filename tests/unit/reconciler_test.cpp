// The pass over a few objects of many: what it must know of the others.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

namespace {

Ref account(std::string const& name) { return {"account", name}; }

std::string condition_of(Bed& bed, std::string const& name, std::string_view type) {
    for (auto const& c : bed.status(account(name)).conditions)
        if (c.type == type) return c.status + " " + c.message;
    return {};
}

}  // namespace

TEST_CASE("what a batch finds wrong with another account's record is reported there, also while its repair is paused") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.put(standard_account("other", "other.example"));
    bed.converge();
    bed.store->set_paused(account("other"), true);
    bed.pass();
    bed.world.record_outcomes[{"site", "other.example"}] = {Outcome::retry, "quarantined: its certificate is rubbish"};
    bed.drift("site", "other.example", "live", false);
    bed.drift("site", "acme.example", "live", false);
    bed.pass(Dirty{account("acme")});
    CHECK(bed.reconciler->pending().contains(account("acme")));
    REQUIRE(bed.reconciler->pending().contains(account("other")));
    bed.pass(bed.reconciler->pending());
    CHECK(bed.ready(account("acme")));
    CHECK_FALSE(bed.ready(account("other")));
    CHECK(condition_of(bed, "other", "degraded") ==
          "true site/other.example failing: quarantined: its certificate is rubbish; repair is paused");

    bed.world.record_outcomes.clear();
    bed.store->set_paused(account("other"), false);
    bed.reconciler->wake(account("other"), true);
    bed.converge();
    CHECK(bed.ready(account("other")));
    CHECK(condition_of(bed, "other", "degraded") == "false ");
}

TEST_CASE("removals beyond the limit stay held when the pass is about one of them only") {
    auto few = Bed::quick();
    few.max_removals = 2;
    Bed bed(few);
    std::vector<std::string> const names{"first", "second", "third"};
    for (auto const& name : names) bed.put("kind: account\nname: " + name + "\n");
    bed.converge();
    for (auto const& name : names) (void)bed.store->remove(account(name), true, "api");
    CHECK(bed.pass().steps == 0);
    for (auto const& name : names) {
        CHECK(bed.pass(Dirty{account(name)}).steps == 0);
        CHECK(bed.world.records.contains({"unix_user", name}));
    }
    for (auto const& name : names) bed.store->confirm_removals(account(name));
    bed.converge();
    bed.pass();
    CHECK(bed.world.records.empty());
}
