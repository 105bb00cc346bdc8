// The pass over a few objects of many: what it must know of the others.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

namespace {

Ref account(std::string const& name) { return {"account", name}; }

std::string condition_of(Bed& bed, std::string const& name, std::string_view type) {
    for (auto const& c : bed.status(account(name)).conditions)
        if (word_of(c.type) == type) return std::string(word_of(c.status)) + " " + c.message;
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

TEST_CASE("what cannot be observed makes no account unready that was ready, and none ready that was not") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.put(standard_account("other", "other.example"));
    bed.converge();
    bed.world.unreachable["mariadb"] = "does not answer";
    bed.put(standard_account("later", "later.example"));
    bed.put("kind: account\nname: other\ndatabases: [{name: another}]\n");
    bed.pass();
    bed.pass();
    CHECK(bed.ready(account("acme")));
    CHECK_THAT(condition_of(bed, "acme", "ready"),
               Catch::StartsWith("true was as the spec says; ") && Catch::EndsWith("unseen: does not answer"));
    for (auto const& record : bed.status(account("acme")).records)
        if (record.state == SyncState::unseen) CHECK(record.cause == "");
    CHECK_FALSE(bed.ready(account("later")));
    CHECK_FALSE(bed.ready(account("other")));
    bed.world.unreachable.clear();
    bed.converge();
    CHECK(bed.ready(account("other")));
    CHECK(condition_of(bed, "acme", "ready") == "true everything is as the spec says");
}

TEST_CASE("what is wanted otherwise since it was last in sync is not ready while it cannot be observed") {
    Bed bed;
    bed.put("kind: package\nname: small\nlimits: {tasks: 100}\n");
    bed.put("kind: account\nname: acme\npackage: small\n");
    bed.converge();
    bed.world.unreachable["systemd"] = "does not answer";
    bed.put("kind: package\nname: small\nlimits: {tasks: 200}\n");
    bed.pass();
    CHECK_FALSE(bed.ready(account("acme")));
    bed.world.unreachable.clear();
    bed.converge();
    CHECK(bed.ready(account("acme")));
}

TEST_CASE("a change that concerns no record makes no account unready during an outage, also after a restart") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.converge();
    bed.world.unreachable["mariadb"] = "does not answer";
    if (GENERATE(true, false)) bed.restart();
    bed.put(standard_account("acme", "acme.example") + "contact: new@acme.example\n");
    CHECK_FALSE(bed.ready(account("acme")));  // nobody has looked at this generation
    CHECK_THAT(condition_of(bed, "acme", "ready"),
               Catch::EndsWith("generation 2 has not been observed yet; generation 1 was ready"));
    bed.pass();
    bed.pass();
    CHECK(bed.ready(account("acme")));
    CHECK_THAT(condition_of(bed, "acme", "ready"), Catch::StartsWith("true was as the spec says; "));
}

TEST_CASE("a single record that could not be observed is asked for again soon") {
    Bed bed;
    bed.put(standard_account("acme", "acme.example"));
    bed.converge();
    bed.world.unseen = {{"database", "acme_shop"}};
    bed.pass();
    REQUIRE(bed.reconciler->next_due());
    CHECK(*bed.reconciler->next_due() <= bed.clock.now() + std::chrono::seconds(5));
}

TEST_CASE("it is looked whether a conflict is gone, and the status says when") {
    Bed bed;
    Ref const shop{"database", "acme_shop"};
    bed.world.unmanaged[shop] = {{{"name", "acme_shop"}}, "is somebody's"};
    bed.put(standard_account("acme", "acme.example"));
    bed.pass();
    bed.pass();
    CHECK_FALSE(bed.ready(account("acme")));
    REQUIRE(bed.reconciler->next_due());
    CHECK(*bed.reconciler->next_due() <= bed.clock.now() + std::chrono::seconds(15));
    auto const records = bed.status(account("acme")).records;
    auto const line = std::ranges::find(records, SyncState::conflict, &RecordStatus::state);
    REQUIRE(line != records.end());
    CHECK(line->next_attempt != "");
}

namespace {

Expansion fails_for_some(View const& view) {
    auto const contact = view.spec.if_contains("contact");
    if (contact != nullptr && contact->is_string() && contact->get_string() == "defect@acme.example")
        throw std::out_of_range("a defect of the expander");
    return find_expander(expanders(), "account")->expand(view);
}

}  // namespace

TEST_CASE("an object whose expander fails keeps what it has and says so, and holds up no other") {
    static std::array const failing{Expander{"account", fails_for_some, nullptr, nullptr}};
    auto settings = Bed::quick();
    settings.expanders = failing;
    Bed bed(settings);
    bed.put("kind: account\nname: acme\n");
    bed.converge();
    bed.put("kind: account\nname: acme\ncontact: defect@acme.example\n");
    bed.put("kind: account\nname: broken\ncontact: defect@acme.example\n");
    bed.put("kind: account\nname: sound\n");
    bed.converge();
    CHECK(bed.ready(account("sound")));
    CHECK(bed.world.records.contains({"unix_user", "acme"}));
    for (auto const* name : {"acme", "broken"}) {
        CHECK_FALSE(bed.ready(account(name)));
        CHECK_THAT(condition_of(bed, name, "degraded"), Catch::EndsWith("a defect of the expander"));
    }
    bed.put("kind: account\nname: broken\n");
    bed.converge();
    CHECK(bed.ready(account("broken")));
}
