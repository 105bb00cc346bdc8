// What is remembered of records between passes.
#include "reconciler/run/record_states.hpp"
#include "tests/support/fake_clock.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

TEST_CASE("long work that fails each time is begun again after pauses that grow") {
    FakeClock clock;
    RecordStates states({}, clock, Backoff{.first = std::chrono::seconds(1), .seed = 1});
    Ref const record{"image", "debian"}, object{"vps", "v1"};
    std::vector<std::chrono::milliseconds> pauses;
    for (int attempt = 1; attempt <= 5; ++attempt) {
        states.in_progress(record, object);
        CHECK(states.find(record)->attempts == attempt - 1);
        CHECK_FALSE(states.find(record)->next_attempt);
        states.failed(record, object, "no space left");
        pauses.push_back(*states.find(record)->next_attempt - clock.now());
    }
    CHECK(pauses.back() > 8 * pauses.front());
    states.in_progress(record, object);
    states.in_sync(record, object, 1);
    CHECK(states.find(record)->attempts == 0);
    CHECK(states.find(record)->error.empty());
}

TEST_CASE("what was refused is the value: another one is tried, and so is the same after a retry") {
    FakeClock clock;
    RecordStates states({}, clock, Backoff{.seed = 1});
    Ref const record{"pool", "acme"}, object{"account", "acme"};
    auto const small = value_hash({{"memory", 1}}), large = value_hash({{"memory", 2}});
    states.failed(record, object, "too small");
    states.refused(record, small);
    CHECK(states.history(record, small).refused);
    CHECK_FALSE(states.history(record, large).refused);
    CHECK_FALSE(states.history(record, value_hash({})).refused);  // its removal
    states.reset_backoff(object);
    CHECK_FALSE(states.history(record, small).refused);
}

TEST_CASE("what is not remembered can be removed again and again, once each removal has been seen") {
    FakeClock clock;
    RecordStates states({}, clock, Backoff{.seed = 1});
    AnyStep const removal{Verb::remove, {"grant", "web@hand"}, {"account", "acme"}, {}, {}, {}, {}};
    CHECK(states.applied(removal));
    CHECK_FALSE(states.applied(removal));  // it is still there
    states.forget_removals([](Ref const&, Ref const&) { return false; });
    CHECK_FALSE(states.applied(removal));
    states.forget_removals([](Ref const& record, Ref const& object) {
        return record == Ref{"grant", "web@hand"} && object == Ref{"account", "acme"};
    });
    CHECK(states.applied(removal));
}

TEST_CASE("records are looked at again in the order of their times") {
    FakeClock clock;
    RecordStates states({}, clock, Backoff{.seed = 1});
    Ref const late{"site", "late"}, soon{"site", "soon"}, acme{"account", "acme"}, beta{"account", "beta"};
    states.observe_again(late, acme, std::chrono::seconds(9));
    states.observe_again(soon, beta, std::chrono::seconds(9));
    states.observe_again(soon, beta, std::chrono::seconds(2));
    CHECK(states.next_due() == clock.now() + std::chrono::seconds(2));
    CHECK(states.take_due(clock.now() + std::chrono::seconds(5)) == Dirty{beta});
    CHECK(states.next_due() == clock.now() + std::chrono::seconds(9));
    states.gone(late);
    CHECK_FALSE(states.next_due());
}

TEST_CASE("whether a record is wanted otherwise follows from the value it was in sync with, also after a restart") {
    FakeClock clock;
    Ref const record{"pool", "acme"}, object{"account", "acme"};
    auto const former = value_hash({{"memory", 1}}), now = value_hash({{"memory", 2}});
    RecordStates first({}, clock, Backoff{.seed = 1});
    first.in_sync(record, object, former);
    RecordStates const states({*first.find(record)}, clock, Backoff{.seed = 1});
    CHECK(states.in_sync_with(record, former));
    CHECK_FALSE(states.in_sync_with(record, now));
    CHECK(states.history(record, now).respecified);
    CHECK_FALSE(states.history(record, former).respecified);
    CHECK(states.history(record, former).was_in_sync);
}

TEST_CASE("a record from a store of before was in sync with what is wanted, until that is observed or fails") {
    FakeClock clock;
    RecordState migrated;
    migrated.ref = {"pool", "acme"};
    migrated.object = {"account", "acme"};
    migrated.in_sync_value = 1;
    RecordStates states({migrated}, clock, Backoff{.seed = 1});
    auto const former = value_hash({{"memory", 1}}), now = value_hash({{"memory", 2}});
    CHECK(states.in_sync_with(migrated.ref, former));
    CHECK_FALSE(states.history(migrated.ref, former).respecified);
    states.in_sync(migrated.ref, migrated.object, former);
    CHECK(states.history(migrated.ref, now).respecified);
}
