// Many listeners to one trail.
#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

using namespace genesis;

TEST_CASE("each listener hears of events before the writer has its result, for as long as it keeps its subscription") {
    StoreFixture f;
    std::atomic<int> one = 0, two = 0;
    auto first = f.store().on_events([&] { ++one; });
    {
        auto const second = f.store().on_events([&] { ++two; });
        REQUIRE(put(f.store(), account("acme")).has_value());
    }
    CHECK(one == 1);
    CHECK(two == 1);
    REQUIRE(put(f.store(), account("other")).has_value());
    CHECK(one == 2);
    CHECK(two == 1);
    first = {};
    REQUIRE(put(f.store(), account("third")).has_value());
    CHECK(one == 2);
}
