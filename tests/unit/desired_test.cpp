// What is wanted of each object: shared records, what depends on what, previews, and when records are made again.
#include "reconciler/run/desired.hpp"
#include "reconciler/store/kinds_fixture.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace std::chrono_literals;

namespace {

Time const now{1h};
Ref const node{"node", "web1"}, aa{"guest", "aa"}, bb{"guest", "bb"}, pp{"pool", "pp"}, bridge{"bridge", "pp"};

std::string text_of(json::object const& spec, std::string_view field) {
    return std::string(spec.at(field).as_string());
}

// A disk; for each card a port that says what its pool offers, and a bridge that is shared; an address of its own.
Expansion expand_guest(View const& view) {
    Expansion out;
    auto const guest = decode_trusted<TestGuest>(view.spec);
    auto const name = text_of(view.spec, "name");
    out.records[{"disk", name}] = {{"running", view.subject.phase == Phase::active},
                                   {"console", static_cast<std::int64_t>(view.subject.allocations.size())}};
    for (auto const& nic : guest.nics) {
        auto const pool = nic.pool.str();
        auto const* offers = view.find({"pool", pool});
        out.records[{"port", name + "-" + nic.name.str()}] = {
            {"pool", pool}, {"offers", offers == nullptr ? json::value() : offers->at("addresses")}};
        out.shared[{"bridge", pool}] = {{"web", guest.web}};
        if (!nic.address.str().empty()) out.records[{"address", nic.address.str()}] = {{"guest", name}};
    }
    for (auto const& [slot, given] : view.subject.allocations)
        if (!given.value) out.unallocated[{"disk", name}] = given.why;
    return out;
}

int expansions = 0;  // of guests, ever
Expansion count_and_expand(View const& view) {
    ++expansions;
    return expand_guest(view);
}

std::span<Expander const> test_expanders() {
    static std::array const list{Expander{"guest", count_and_expand,
                                          [](json::object const& spec) { return spec.at("console").as_bool(); },
                                          [](View const&) { return 60s; }}};
    return list;
}

Object object(Ref const& ref, std::string const& fields = "", std::int64_t generation = 1) {
    Object out;
    out.ref = ref;
    out.generation = generation;
    out.spec = test_spec(ref.kind, ref.key, fields).value;
    return out;
}

std::string const on_pp = R"("nics": [{"name": "x", "pool": "pp"}])",
                  on_qq = R"("nics": [{"name": "x", "pool": "qq"}])", on_pp_web = on_pp + R"(, "web": true)";

struct Wanting {
    Desired desired{{}, node.key, test_kinds(), test_expanders()};
    bool upsert(Object const& o) { return desired.upsert(o); }
    bool wants(Ref const& of, Ref const& record) const {
        auto const* known = desired.find(of);
        return known != nullptr && known->records.contains(record);
    }
    json::value value(Ref const& of, Ref const& record, std::string_view field) const {
        return desired.find(of)->records.at(record).unpack().at(field);
    }
    std::string owner(Ref const& record) const {
        auto const* known = desired.owner(record);
        return known == nullptr ? "nobody" : known->str();
    }
    // How often the change makes records again.
    template <class F>
    int made_again(F const& change) {
        auto const before = expansions;
        change();
        return expansions - before;
    }
};

Allocation given(std::string const& value) { return {"port", Value(value), ""}; }
Allocation not_given() { return {"port", std::nullopt, "all ports are given"}; }

}  // namespace

TEST_CASE("a record that several objects share is the node's, and goes with the last of them") {
    Wanting t;
    t.upsert(object(aa, on_pp));
    t.upsert(object(bb, on_pp));
    CHECK(t.owner(bridge) == "node/web1");
    CHECK(t.wants(node, bridge));
    CHECK_FALSE(t.wants(aa, bridge));
    CHECK(t.desired.take_node_change());
    CHECK_FALSE(t.desired.take_node_change());
    SECTION("as the objects change") {
        t.upsert(object(aa, "", 2));
        CHECK(t.wants(node, bridge));
        t.upsert(object(bb, on_qq, 2));
    }
    SECTION("as they end") {
        auto ending = object(aa, on_pp, 2);
        ending.terminating = now;
        ending.purge = true;
        t.upsert(ending);
        CHECK(t.wants(node, bridge));
        ending = object(bb, on_pp, 2);
        ending.terminating = now;
        t.upsert(ending);
        CHECK(t.wants(node, bridge));
        ending.purge = true;
        t.upsert(ending);
    }
    SECTION("as they are forgotten") {
        t.desired.evict(bb);
        CHECK(t.wants(node, bridge));
        t.desired.evict(aa);
    }
    CHECK_FALSE(t.wants(node, bridge));
    CHECK(t.owner(bridge) == "nobody");
    CHECK(t.desired.take_node_change());
}

TEST_CASE("where objects disagree about a shared record the first by name decides, whichever came first") {
    Wanting t;
    bool const first = GENERATE(true, false);
    if (first) t.upsert(object(aa, on_pp));
    t.upsert(object(bb, on_pp_web));
    if (!first) {
        CHECK(t.value(node, bridge, "web") == true);
        auto const former = t.desired.value_of(bridge);
        t.upsert(object(aa, on_pp));
        CHECK(t.desired.value_of(bridge) != former);
    }
    CHECK(t.value(node, bridge, "web") == false);
    CHECK(t.desired.value_of(bridge) == t.desired.find(node)->records.at(bridge).hash());
    SECTION("until it leaves") { t.desired.evict(aa); }
    SECTION("until it agrees") { t.upsert(object(aa, on_pp_web, 2)); }
    CHECK(t.value(node, bridge, "web") == true);
    CHECK(t.desired.value_of(bridge) == t.desired.find(node)->records.at(bridge).hash());
}

TEST_CASE("who refers to an object depends on it, as long as it does, whether it is there or not") {
    Wanting t;
    t.upsert(object(aa, on_pp + R"(, "after": "bb")"));
    CHECK(t.desired.dependents(pp) == Dirty{aa});
    CHECK(t.desired.dependents(bb) == Dirty{aa});
    t.upsert(object(pp, R"("addresses": ["192.0.2.1"])"));
    t.upsert(object(bb, on_pp));
    CHECK(t.desired.dependents(pp) == Dirty{aa, bb});
    t.desired.evict(pp);
    CHECK(t.desired.dependents(pp) == Dirty{aa, bb});
    t.upsert(object(aa, on_qq, 2));
    CHECK(t.desired.dependents(pp) == Dirty{bb});
    CHECK(t.desired.dependents({"pool", "qq"}) == Dirty{aa});
    CHECK(t.desired.dependents(bb).empty());
    t.desired.evict(bb);
    CHECK(t.desired.dependents(pp).empty());
}

TEST_CASE("a record that goes from one object to another is the latter's, whichever of them is taken over first") {
    Wanting t;
    auto const with = R"("nics": [{"name": "x", "pool": "pp", "address": "192.0.2.9"}])";
    Ref const address{"address", "192.0.2.9"};
    t.upsert(object(aa, with));
    CHECK(t.owner(address) == "guest/aa");
    if (GENERATE(true, false)) {
        t.upsert(object(aa, on_pp, 2));
        CHECK(t.owner(address) == "nobody");
        t.upsert(object(bb, with));
    } else {
        t.upsert(object(bb, with));
        t.upsert(object(aa, on_pp, 2));
    }
    CHECK(t.owner(address) == "guest/bb");
}

TEST_CASE("records are made again only where something that they are made of has changed") {
    Wanting t;
    auto o = object(aa, on_pp);
    o.allocations["console"] = given("7001");
    CHECK(t.made_again([&] { t.upsert(o); }) == 1);

    SECTION("not where nothing has, nor for what says how to treat the object") {
        CHECK(t.made_again([&] {
            t.upsert(o);
            o.paused = o.adopt = true;
            o.request = "r-1";
            o.confirmed_generation = 1;
            CHECK_FALSE(t.upsert(o));
            t.upsert(object({"pool", "qq"}));
            t.upsert(object(bb, "", 9));
        }) == 1);  // of bb
        auto const& subject = t.desired.find(aa)->subject;
        CHECK((subject.paused && subject.adopt && subject.confirmed && subject.request == "r-1"));
    }
    SECTION("its generation") {
        CHECK(t.made_again([&] { CHECK(t.upsert(object(aa, on_qq, 2))); }) == 1);
        CHECK(t.wants(node, {"bridge", "qq"}));
        CHECK_FALSE(t.wants(node, bridge));
    }
    SECTION("its phase") {
        o.terminating = now;
        CHECK(t.made_again([&] { CHECK_FALSE(t.upsert(o)); }) == 1);
        CHECK(t.value(aa, {"disk", "aa"}, "running") == false);
        o.purge = true;
        t.upsert(o);
        CHECK(t.desired.find(aa)->subject.phase == Phase::purged);
        CHECK(t.desired.find(aa)->records.empty());
        CHECK(t.made_again([&] { t.upsert(object(aa, on_pp)); }) == 1);
    }
    SECTION("what it was given") {
        o.allocations["console"] = given("7002");
        CHECK(t.made_again([&] { t.upsert(o); }) == 1);
        CHECK(t.made_again([&] { t.upsert(o); }) == 0);
    }
    SECTION("what it refers to") {
        t.upsert(object(pp, R"("addresses": ["192.0.2.1"])"));
        CHECK(t.value(aa, {"port", "aa-x"}, "offers").is_null());  // until it is looked at
        CHECK(t.made_again([&] { CHECK_FALSE(t.upsert(o)); }) == 1);
        CHECK(t.value(aa, {"port", "aa-x"}, "offers") == json::array{"192.0.2.1"});
        CHECK(t.made_again([&] { t.upsert(o); }) == 0);
        t.upsert(object(pp, R"("addresses": ["192.0.2.2"])", 2));
        CHECK(t.made_again([&] { t.upsert(o); }) == 1);
        t.desired.evict(pp);
        CHECK(t.made_again([&] { t.upsert(o); }) == 1);
    }
}

TEST_CASE("an object that says it is suspended is, and one that ends is that first") {
    Wanting t;
    auto o = object(aa, R"("console": true)");
    t.upsert(o);
    CHECK(t.desired.find(aa)->subject.phase == Phase::suspended);
    o.terminating = now;
    t.upsert(o);
    CHECK(t.desired.find(aa)->subject.phase == Phase::terminating);
}

TEST_CASE("the value that is wanted of a record changes with what it is made of, and with nothing else") {
    Wanting t;
    Ref const port{"port", "aa-x"};
    t.upsert(object(pp, R"("addresses": ["192.0.2.1"])"));
    t.upsert(object(aa, on_pp));
    auto const value = t.desired.value_of(port), disk = t.desired.value_of({"disk", "aa"});
    CHECK(value == t.desired.find(aa)->records.at(port).hash());
    t.upsert(object(pp, R"("addresses": ["192.0.2.2"])", 2));
    t.upsert(object(aa, on_pp, 2));
    auto const changed = t.desired.value_of(port);
    CHECK(changed != value);
    CHECK(t.desired.value_of({"disk", "aa"}) == disk);
    t.upsert(object(aa, on_pp, 3));
    CHECK(t.desired.value_of(port) == changed);
    t.desired.evict(aa);
    CHECK(t.desired.value_of(port) == value_hash({}));
}

TEST_CASE("where a kind's functions of a phase throw, the object keeps its phase and records, and nothing is purged") {
    static bool broken = false;
    static std::array const list{Expander{"guest", expand_guest,
                                          [](json::object const&) -> bool {
                                              if (broken) throw std::runtime_error("no phase");
                                              return true;
                                          },
                                          [](View const&) -> std::chrono::seconds {
                                              if (broken) throw std::runtime_error("no grace");
                                              return 60s;
                                          }}};
    Desired desired({}, "web1", test_kinds(), list);
    broken = false;
    desired.upsert(object(aa, on_pp));
    broken = true;
    desired.upsert(object(aa, "", 2));
    CHECK(desired.find(aa)->subject.phase == Phase::suspended);
    CHECK(desired.find(aa)->fault == "no phase");
    CHECK(desired.find(aa)->records.contains({"port", "aa-x"}));
    auto ending = object(aa, "", 3);
    ending.terminating = now;
    desired.upsert(ending);
    CHECK(desired.find(aa)->subject.phase == Phase::terminating);
    CHECK(desired.find(aa)->fault == "no grace");
    broken = false;
    desired.upsert(ending);
    CHECK(desired.find(aa)->subject.kept_until == now + 60s);
    CHECK(desired.find(aa)->fault.empty());
}

TEST_CASE("what would be wanted of an object, and of who refers to it, is made without being remembered") {
    Wanting t;
    t.upsert(object(pp, R"("addresses": ["192.0.2.1"])"));
    for (auto const& ref : {aa, bb}) t.upsert(object(ref, on_pp));
    t.upsert(object({"guest", "cc"}, on_qq));
    auto ending = object(bb, on_pp);
    ending.terminating = now;
    t.upsert(ending);
    SECTION("of what others refer to: of those that live") {
        auto const shown = t.desired.overlay(object(pp, R"("addresses": ["192.0.2.2"])", 2));
        REQUIRE(shown.size() == 2);
        CHECK(shown.at(pp).subject.generation == 2);
        CHECK(shown.at(aa).records.at({"port", "aa-x"}).unpack().at("offers") == json::array{"192.0.2.2"});
        CHECK(shown.at(aa).records.contains({"disk", "aa"}));
    }
    SECTION("of one that changes what it refers to") {
        auto const shown = t.desired.overlay(object(aa, on_qq, 2));
        REQUIRE(shown.size() == 1);
        CHECK(shown.at(aa).records.at({"port", "aa-x"}).unpack().at("pool") == "qq");
    }
    SECTION("of one that is not there yet, and that others refer to already") {
        auto const shown = t.desired.overlay(object({"pool", "qq"}, R"("addresses": ["192.0.2.3"])"));
        REQUIRE(shown.size() == 2);
        CHECK(shown.at({"guest", "cc"}).records.at({"port", "cc-x"}).unpack().at("offers") == json::array{"192.0.2.3"});
        CHECK(t.desired.find({"pool", "qq"}) == nullptr);
    }
    SECTION("of one that would end") {
        auto gone = object(aa, on_pp, 2);
        gone.terminating = now;
        gone.purge = true;
        CHECK(t.desired.overlay(gone).at(aa).records.empty());
        CHECK(t.desired.leaving() == Dirty{bb});
    }
    SECTION("with what it could not be given") {
        auto o = object(aa, on_pp, 2);
        o.allocations["console"] = not_given();
        CHECK(t.desired.overlay(o).at(aa).unallocated.at({"disk", "aa"}) == "all ports are given");
        CHECK(t.desired.unallocated().empty());
    }
    CHECK(t.desired.find(aa)->subject.generation == 1);
    CHECK(t.value(aa, {"port", "aa-x"}, "offers") == json::array{"192.0.2.1"});
    CHECK(t.desired.value_of({"port", "aa-x"}) == t.desired.find(aa)->records.at({"port", "aa-x"}).hash());
    CHECK(t.owner({"port", "aa-x"}) == "guest/aa");
}

TEST_CASE("dependents that are only shown keep how they are treated") {
    Wanting t;
    auto o = object(aa, on_pp, 3);
    o.paused = o.adopt = true;
    o.confirmed_generation = 3;
    o.request = "r-1";
    o.allocations["console"] = given("7001");
    t.upsert(o);
    auto const subject = t.desired.overlay(object(pp)).at(aa).subject;
    CHECK((subject.paused && subject.adopt && subject.confirmed));
    CHECK(subject.generation == 3);
    CHECK(subject.request == "r-1");
    CHECK(subject.allocations == o.allocations);
}

TEST_CASE("living objects that lack a value are known, and their records with the reason, until they have it") {
    Wanting t;
    auto o = object(aa);
    o.allocations["console"] = not_given();
    o.allocations["other"] = given("1");
    t.upsert(o);
    CHECK(t.desired.unallocated() == Dirty{aa});
    CHECK(t.desired.find(aa)->unallocated.at({"disk", "aa"}) == "all ports are given");
    SECTION("it is given one") {
        o.allocations["console"] = given("7001");
        t.upsert(o);
        CHECK(t.desired.find(aa)->unallocated.empty());
    }
    SECTION("it ends") {
        o.terminating = now;
        t.upsert(o);
    }
    SECTION("it is forgotten") { t.desired.evict(aa); }
    CHECK(t.desired.unallocated().empty());
}

TEST_CASE("objects that end are known until somebody has confirmed it") {
    Wanting t;
    auto o = object(aa, "", 2);
    o.confirmed_generation = 1;
    o.terminating = now;
    t.upsert(o);
    CHECK(t.desired.leaving() == Dirty{aa});
    SECTION("confirmed") {
        o.confirmed_generation = 2;
        t.upsert(o);
        CHECK(t.desired.leaving().empty());
    }
    SECTION("put again") { t.upsert(object(aa, "", 3)); }
    SECTION("forgotten") { t.desired.evict(aa); }
    CHECK(t.desired.leaving().empty());
}
