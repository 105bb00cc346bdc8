// The end of an object's grace: from then on its data goes, and nothing brings half of it back.
#include "tests/support/bed.hpp"
#include "tests/support/lowered_limit.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

Ref const acme{"account", "acme"};
constexpr auto grace = 7 * 24h;

struct Graces {
    Graces() {
        bed.apply(text);
        bed.converge();
        bed.store->remove(acme, std::nullopt, "api").value();
        bed.converge();
    }
    void later(std::chrono::milliseconds by) { bed.clock.advance(by); }
    Condition ready() {
        for (auto const& condition : bed.status(acme).conditions)
            if (condition.type == ConditionType::ready) return condition;
        return {};
    }
    std::string ready_message() { return ready().message; }

    static ReconcilerSettings at_once() {
        auto settings = Bed::quick();
        settings.unseen = 0ms;  // what could not be stored is tried again so much later
        return settings;
    }
    Bed bed{at_once()};
    std::string const text = standard_account("acme", "acme.example");
    Time const deleted = bed.clock.now();
};

}  // namespace

TEST_CASE("a deleted account says until when its data is kept, and goes then") {
    Graces g;
    CHECK(g.ready_message().find("its services are off; its data is kept until " + iso(g.deleted + grace)) !=
          std::string::npos);
    g.later(grace - 1s);
    g.bed.converge();
    CHECK(g.bed.world.records.contains({"database", "acme_shop"}));
    CHECK(g.bed.apply(g.text) == "changed account/acme generation 3\n");
    g.bed.store->remove(acme, std::nullopt, "api").value();
    g.bed.converge();
    g.later(grace);
    g.bed.converge();
    CHECK_FALSE(g.bed.store->find(acme));
    CHECK_FALSE(g.bed.world.records.contains({"database", "acme_shop"}));
}

TEST_CASE("an account is in its grace, by a word for programs, once its services are off and while its data is kept") {
    Graces g;
    CHECK(g.ready().reason == ConditionReason::grace);
    CHECK(g.bed.apply(g.text) == "changed account/acme generation 3\n");
    g.bed.converge();
    CHECK(g.ready().reason == ConditionReason::as_wanted);
    g.bed.world.unreachable["apache"] = "does not answer";
    g.bed.store->remove(acme, std::nullopt, "api").value();
    g.bed.converge();
    CHECK(g.ready().reason == ConditionReason::terminating);
    g.bed.world.unreachable.clear();
    g.bed.converge();
    CHECK(g.ready().reason == ConditionReason::grace);
    g.bed.world.unreachable["mariadb"] = "does not answer";
    g.bed.store->remove(acme, true, "api").value();
    g.bed.converge();
    CHECK(g.ready().reason == ConditionReason::terminating);
}

TEST_CASE("the end of a grace is noticed by its own timer, once") {
    Graces g;
    g.later(grace - 20ms);
    g.bed.reconciler->advance();
    CHECK_FALSE(g.bed.store->find(acme).value().purge);
    CHECK(g.bed.reconciler->next_timer() <= g.bed.clock.steady() + 1s);
    g.later(20ms);
    g.bed.reconciler->advance();
    CHECK(g.bed.store->find(acme).value().purge);
    CHECK(g.bed.reconciler->pending() == Dirty{acme});
}

TEST_CASE("an account whose grace is over is not put again while its data goes") {
    Graces g;
    g.later(grace);
    g.bed.world.unreachable["mariadb"] = "cannot connect to MariaDB";
    g.bed.converge();
    CHECK(g.bed.store->find(acme).value().purge);
    CHECK(g.bed.apply(g.text).find("its data is being removed; put it again once it is gone") != std::string::npos);
    CHECK(g.ready_message().find("MariaDB") != std::string::npos);
    g.bed.world.unreachable.clear();
    g.bed.converge();
    CHECK(g.bed.apply(g.text) == "created account/acme generation 1\n");
}

TEST_CASE("the grace of a paused account does not end") {
    Graces g;
    g.bed.store->set_paused(acme, true).value();
    g.later(2 * grace);
    g.bed.converge();
    CHECK_FALSE(g.bed.store->find(acme).value().purge);
    CHECK(g.bed.apply(g.text) == "changed account/acme generation 3\n");
}

TEST_CASE("a grace that is over while the store cannot write ends nothing until that is stored") {
    Graces g;
    g.later(grace);
    {
        LoweredLimit const full(RLIMIT_FSIZE, 1);
        g.bed.pass();
    }
    CHECK(g.bed.world.records.contains({"database", "acme_shop"}));
    g.bed.converge();
    CHECK_FALSE(g.bed.store->find(acme));
}

TEST_CASE("accounts whose graces end one after the other both go, without a full pass") {
    Graces g;
    g.bed.apply(standard_account("beta", "beta.example"));
    g.bed.converge();
    g.later(1s);
    g.bed.store->remove({"account", "beta"}, std::nullopt, "api").value();
    g.bed.converge();
    g.later(grace - 1s);
    g.bed.pass(Dirty{acme});
    g.later(1s);
    for (int i = 0; i < 20; ++i) g.bed.pass(g.bed.reconciler->pending());
    CHECK_FALSE(g.bed.store->find(acme));
    CHECK_FALSE(g.bed.store->find({"account", "beta"}));
}

TEST_CASE("an account that was paused a moment before its grace ended keeps its data") {
    Graces g;
    g.later(grace);
    g.bed.store->set_paused(acme, true).value();
    g.bed.pass(Dirty{});
    CHECK_FALSE(g.bed.store->find(acme).value().purge);
}
