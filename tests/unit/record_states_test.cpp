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
