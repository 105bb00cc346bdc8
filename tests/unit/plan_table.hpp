// Kinds and a table of what is wanted and found, to try the planner with.
#pragma once
#include "reconciler/plan/plan.hpp"
#include "resources/schema/codec.hpp"

#include <string>

namespace genesis::test {

struct Owner {
    std::string name;
    std::int64_t uid = 0;
};
struct Thing {
    std::string name, owner;
    std::int64_t size = 1;
};
struct Pass {
    std::string name, thing;
};

}  // namespace genesis::test

namespace genesis {
template <>
struct Describe<test::Owner> {
    static constexpr std::string_view kind = "owner", doc = "Of this test.";
    static constexpr auto fields = std::tuple{field("name", &test::Owner::name, "", Attribute::key | Attribute::fixed),
                                              field("uid", &test::Owner::uid, "", Attribute::fixed)};
};
template <>
struct Describe<test::Thing> {
    static constexpr std::string_view kind = "thing", doc = "Of this test.";
    static constexpr auto fields =
        std::tuple{field("name", &test::Thing::name, "", Attribute::key),
                   field("owner", &test::Thing::owner, "", Attribute::none, {.refers_to = "owner"}),
                   field("size", &test::Thing::size, "")};
};
template <>
struct Describe<test::Pass> {
    static constexpr std::string_view kind = "pass", doc = "Of this test.";
    static constexpr auto fields =
        std::tuple{field("name", &test::Pass::name, "", Attribute::key),
                   field("thing", &test::Pass::thing, "", Attribute::required, {.refers_to = "thing"})};
};
}  // namespace genesis

namespace genesis::test {

struct Table {
    Kinds kinds{{"owner", {&schema_of<Owner>(), {}, "a"}},
                {"thing", {&schema_of<Thing>(), {.holds_data = true}, "a"}},
                {"pass", {&schema_of<Pass>(), {.ownership = Ownership::journalled}, "b"}}};
    std::map<Ref, Packed> values;
    std::map<Ref, Subject> subjects;
    PlanningInput world;
    Policy policy{.max_removals = 2, .paused = false, .now = Time(std::chrono::milliseconds(1000000))};

    Ref object(std::string const& name, Phase phase = Phase::active, std::int64_t generation = 1) {
        Ref ref{"account", name};
        subjects[ref] = {ref, generation, phase, {}, false, false, false};
        world.subjects[ref] = &subjects[ref];
        return ref;
    }
    template <class V>
    Ref want(Ref const& object_ref, V const& v) {
        Ref ref{std::string(Describe<V>::kind), key_of(schema_of<V>(), encode(v))};
        values[ref] = encode(v);
        world.want[ref] = {object_ref, &values[ref]};
        return ref;
    }
    template <class V>
    Ref have(V const& v) {
        Ref ref{std::string(Describe<V>::kind), key_of(schema_of<V>(), encode(v))};
        world.observed.found[ref] = encode(v);
        return ref;
    }
    // `generation`: of the object, when the record was in sync; it was wanted otherwise in an earlier one.
    RecordHistory& ours(Ref const& ref, Ref const& object_ref, std::int64_t generation = 1) {
        auto const now = subjects.at(object_ref).generation;
        world.ours[ref] = {object_ref, generation > 0, generation < now, false, 0, {}, {}};
        return world.ours[ref];
    }
    Plan run() { return plan(world, kinds, policy); }
};

inline std::string first_reason(Plan const& p) {
    return p.holds.empty() ? "" : std::string(word_of(p.holds.front().reason));
}

}  // namespace genesis::test
