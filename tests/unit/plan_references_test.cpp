// The planner's order where records of one kind refer to each other, and where references stand inside lists.
#include "tests/unit/plan_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace genesis::test {

struct Folder {
    std::string name, parent;
};
struct Part {
    std::string name, thing;
};
struct Bundle {
    std::string name;
    std::vector<Part> parts;
    std::vector<std::string> owners;
};

}  // namespace genesis::test

namespace genesis {
template <>
struct Describe<test::Folder> {
    static constexpr std::string_view kind = "folder", doc = "Of this test.";
    static constexpr auto fields =
        std::tuple{field("name", &test::Folder::name, "", Attribute::key),
                   field("parent", &test::Folder::parent, "", Attribute::none, {.refers_to = "folder"})};
};
template <>
struct Describe<test::Part> {
    static constexpr std::string_view kind = "part", doc = "Of this test.";
    static constexpr auto fields =
        std::tuple{field("name", &test::Part::name, "", Attribute::key),
                   field("thing", &test::Part::thing, "", Attribute::none, {.refers_to = "thing"})};
};
template <>
struct Describe<test::Bundle> {
    static constexpr std::string_view kind = "bundle", doc = "Of this test.";
    static constexpr auto fields =
        std::tuple{field("name", &test::Bundle::name, "", Attribute::key), field("parts", &test::Bundle::parts, ""),
                   field("owners", &test::Bundle::owners, "", Attribute::required, {.refers_to = "owner"})};
};
}  // namespace genesis

using namespace genesis;
using namespace genesis::test;

namespace {

struct Referring : Table {
    Referring() {
        kinds["folder"] = {&schema_of<Folder>(), {}, "a"};
        kinds["bundle"] = {&schema_of<Bundle>(), {.ownership = Ownership::journalled}, "b"};
    }
    Ref const acme = object("acme");

    // It is there, was made for acme, and is wanted no more.
    RecordHistory& left(Folder const& folder) { return ours(have(folder), acme); }
};

Ref folder(std::string const& name) { return {"folder", name}; }

using Refs = std::vector<Ref>;
Refs order_of(Plan const& p) {
    Refs out;
    for (auto const& planned : p.steps) out.push_back(planned.step.ref);
    return out;
}

std::set<Ref> after(Plan const& p, Ref const& ref) {
    for (auto const& planned : p.steps)
        if (planned.step.ref == ref) return planned.step.after;
    FAIL("no step for " << ref.str());
    return {};
}

std::map<Ref, std::string> held(Plan const& p) {
    std::map<Ref, std::string> out;
    for (auto const& hold : p.holds) out[hold.ref] = hold.message;
    return out;
}

}  // namespace

TEST_CASE("records of a kind that refers to itself are made in the order of their references, whatever their names") {
    Referring t;
    auto const [top, middle, deep] = GENERATE(table<std::string, std::string, std::string>(
        {{"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}, {"b", "a", "c"}}));
    t.want(t.acme, Folder{deep, middle});
    t.want(t.acme, Folder{middle, top});
    t.want(t.acme, Folder{top, ""});
    auto const p = t.run();
    CHECK(p.holds.empty());
    CHECK(order_of(p) == Refs{folder(top), folder(middle), folder(deep)});
    CHECK(after(p, folder(top)).empty());
    CHECK(after(p, folder(middle)) == std::set<Ref>{folder(top)});
    CHECK(after(p, folder(deep)) == std::set<Ref>{folder(middle)});
}

TEST_CASE("records of a kind that refers to itself are removed in the reverse order, whatever their names") {
    Referring t;
    auto const [top, middle, deep] = GENERATE(table<std::string, std::string, std::string>(
        {{"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}, {"b", "a", "c"}}));
    t.left({deep, middle});
    t.left({middle, top});
    t.left({top, ""});
    auto const p = t.run();
    CHECK(p.holds.empty());
    CHECK(order_of(p) == Refs{folder(deep), folder(middle), folder(top)});
    CHECK(after(p, folder(deep)).empty());
    CHECK(after(p, folder(middle)) == std::set<Ref>{folder(deep)});
    CHECK(after(p, folder(top)) == std::set<Ref>{folder(middle)});
}

TEST_CASE("what does not refer to another of its kind is still removed by its name, the last first") {
    Referring t;
    for (auto const* name : {"x", "y", "z"}) t.ours(t.have(Owner{name, 1}), t.acme);
    CHECK(order_of(t.run()) == Refs{{"owner", "z"}, {"owner", "y"}, {"owner", "x"}});
}

TEST_CASE(
    "a record stays while one of its own kind that refers to it has to stay, and one of its kind moves away first") {
    Referring t;
    t.left({"a", ""});
    SECTION("that one backs off") {
        auto& failing = t.left({"z", "a"});
        failing.error = "no luck";
        failing.next_attempt = t.policy.now + std::chrono::seconds(1);
        auto const p = t.run();
        CHECK(p.steps.empty());
        CHECK(held(p) ==
              std::map<Ref, std::string>{{folder("a"), "waits for the removal of folder/z"}, {folder("z"), "no luck"}});
    }
    SECTION("that one cannot be seen") {
        t.ours(folder("z"), t.acme);
        t.world.observed.unseen = {{folder("z"), "gone for now"}};
        auto const p = t.run();
        CHECK(p.steps.empty());
        CHECK(held(p) == std::map<Ref, std::string>{{folder("a"), "waits for folder/z to be observed"},
                                                    {folder("z"), "gone for now"}});
    }
    SECTION("that one moves to another") {
        t.ours(t.want(t.acme, Folder{"z", "b"}), t.acme);
        t.have(Folder{"z", "a"});
        t.want(t.acme, Folder{"b", ""});
        CHECK(order_of(t.run()) == Refs{folder("b"), folder("z"), folder("a")});
        CHECK(after(t.run(), folder("a")) == std::set<Ref>{folder("z")});
    }
}

TEST_CASE("records that refer to each other in a circle are held with the reason, and all others are made") {
    Referring t;
    t.want(t.acme, Folder{"a", "b"});
    t.want(t.acme, Folder{"b", "c"});
    t.want(t.acme, Folder{"c", "a"});
    t.want(t.acme, Folder{"self", "self"});
    t.want(t.acme, Folder{"within", "a"});
    t.want(t.acme, Folder{"x", "y"});
    t.want(t.acme, Folder{"y", ""});
    auto const p = t.run();
    CHECK(order_of(p) == Refs{folder("y"), folder("x")});
    CHECK(held(p) == std::map<Ref, std::string>{{folder("a"), "waits for folder/b"},
                                                {folder("b"), "waits for folder/c"},
                                                {folder("c"), "is in a circle of references with folder/a"},
                                                {folder("self"), "refers to itself"},
                                                {folder("within"), "waits for folder/a"}});
    for (auto const& hold : p.holds) CHECK(hold.reason == HoldReason::waits);
}

TEST_CASE("of a circle that is there none is removed, and the reason is said; what only refers to itself goes") {
    Referring t;
    t.left({"a", "b"});
    t.left({"b", "a"});
    t.left({"self", "self"});
    t.left({"x", "y"});
    t.left({"y", ""});
    auto const p = t.run();
    auto const order = order_of(p);
    CHECK(std::set<Ref>(order.begin(), order.end()) == std::set<Ref>{folder("self"), folder("x"), folder("y")});
    CHECK(after(p, folder("self")).empty());
    CHECK(after(p, folder("y")) == std::set<Ref>{folder("x")});
    CHECK(held(p) == std::map<Ref, std::string>{{folder("a"), "waits for the removal of folder/b"},
                                                {folder("b"), "is in a circle of references with folder/a"}});
}

TEST_CASE("kinds that are referred to from inside lists are made before and removed after") {
    Referring t;
    CHECK(referred_kinds(schema_of<Bundle>()) == std::set<std::string>{"owner", "thing"});
    auto const kinds = making_order(t.kinds);  // bundle is the first by name
    auto const at = [&](std::string_view kind) { return std::find(kinds.begin(), kinds.end(), kind); };
    CHECK(at("owner") < at("thing"));
    CHECK(at("thing") < at("bundle"));

    Bundle const bundle{"all", {{"one", "x"}, {"two", "y"}, {"none", ""}}, {"web"}};
    Refs const parts{{"owner", "web"}, {"thing", "x"}, {"thing", "y"}};
    SECTION("made") {
        auto const all = t.want(t.acme, bundle);
        t.want(t.acme, Thing{"x", ""});
        t.want(t.acme, Thing{"y", ""});
        t.want(t.acme, Owner{"web", 1});
        auto const p = t.run();
        CHECK(p.holds.empty());
        CHECK(order_of(p) == Refs{parts[0], parts[1], parts[2], all});
        CHECK(after(p, all) == std::set<Ref>(parts.begin(), parts.end()));
    }
    SECTION("removed") {
        t.subjects[t.acme].confirmed = true;  // things hold data
        auto const all = t.have(bundle);
        t.ours(all, t.acme);
        for (auto const* name : {"x", "y"}) t.ours(t.have(Thing{name, ""}), t.acme);
        t.ours(t.have(Owner{"web", 1}), t.acme);
        auto const p = t.run();
        CHECK(order_of(p) == Refs{all, parts[2], parts[1], parts[0]});
        for (auto const& part : parts) CHECK(after(p, part) == std::set<Ref>{all});
    }
}

TEST_CASE("what refers to a record of ours from inside a list only, and nobody remembers, is not taken for ours") {
    Referring t;
    t.ours(t.want(t.acme, Owner{"web", 1}), t.acme);
    t.have(Owner{"web", 1});
    t.have(Bundle{"by-hand", {}, {"web", "elsewhere"}});
    auto const p = t.run();
    CHECK(p.empty());
    CHECK(p.in_sync == Refs{{"owner", "web"}});
}
