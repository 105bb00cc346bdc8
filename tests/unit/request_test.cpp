// The id of a request, from the put that had it to what was done because of it.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace genesis;
using namespace genesis::test;

namespace {

Ref const acme{"account", "acme"};

void put_as(Bed& bed, std::string const& yaml, std::string const& request) {
    auto const spec = read_spec(parse_yaml(yaml).value().front().value).value();
    Actor by{"key billing", "192.0.2.7", request, {}};
    AdmissionOptions options;
    options.by = &by;
    REQUIRE(admit({*bed.store, bed.reserved}, spec, options).has_value());
}

bool logged(Bed& bed, std::string const& message, std::string const& part) {
    std::lock_guard const lock(bed.log.mutex);
    return std::any_of(bed.log.lines.begin(), bed.log.lines.end(), [&](auto const& line) {
        return line.starts_with(message) && line.find(part) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("a request's id is in the history and the log of every step it caused, and the next request's in the next") {
    Bed bed;
    put_as(bed, standard_account("acme", "acme.example"), "first-request");
    bed.converge();
    auto const first = bed.store->history(acme, 0, 1000);
    REQUIRE_FALSE(first.empty());
    for (auto const& line : first) CHECK(line.request == "first-request");
    CHECK(logged(bed, "steps were taken", "request=first-request"));
    CHECK(logged(bed, "steps were taken", "create unix_user/acme"));
    CHECK(bed.store->find(acme)->request == "first-request");

    put_as(bed, standard_account("acme", "acme.test"), "second-request");
    bed.converge();
    auto const all = bed.store->history(acme, 0, 1000);
    REQUIRE(all.size() > first.size());
    for (auto const& line : all)
        CHECK(line.request == (line.id > first.front().id ? "second-request" : "first-request"));
    CHECK(logged(bed, "steps were taken", "request=second-request"));
}

TEST_CASE("a step that fails says in the log for which request it was tried") {
    Bed bed;
    bed.world.fail["apache"] = 1;
    put_as(bed, standard_account("acme", "acme.example"), "the-request");
    bed.pass();
    CHECK(logged(bed, "a step failed", "request=the-request"));
}
