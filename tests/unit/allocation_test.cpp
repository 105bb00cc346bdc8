// What could not be given to an object holds what needs it, and is given later without anybody's doing.
#include "reconciler/store/kinds_fixture.hpp"
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

#include <thread>

namespace genesis {

struct TestMachine {
    ObjectName name;
};
template <>
struct Describe<TestMachine> {
    static constexpr std::string_view kind = "test_machine", doc = "A machine that runs.";
    static constexpr auto fields =
        std::tuple{field("name", &TestMachine::name, "Name.", Attribute::key | Attribute::fixed)};
};
struct TestAddress {
    Line name;
    ObjectName machine;
    Line address;
};
template <>
struct Describe<TestAddress> {
    static constexpr std::string_view kind = "test_address", doc = "An address of a machine.";
    static constexpr auto fields = std::tuple{
        field("name", &TestAddress::name, "Machine and card.", Attribute::key | Attribute::fixed),
        field("machine", &TestAddress::machine, "Whose.", Attribute::required, {.refers_to = "test_machine"}),
        field("address", &TestAddress::address, "Which."),
    };
};
struct TestRoute {
    Line name;
    Line address;
};
template <>
struct Describe<TestRoute> {
    static constexpr std::string_view kind = "test_route", doc = "A route to an address.";
    static constexpr auto fields = std::tuple{
        field("name", &TestRoute::name, "Name.", Attribute::key | Attribute::fixed),
        field("address", &TestRoute::address, "Where it leads.", Attribute::required, {.refers_to = "test_address"}),
    };
};

namespace {

using namespace test;

// A machine, and for each card its address and the route to it.
Expansion expand_guest(View const& view) {
    Expansion out;
    auto const add = [&]<class V>(V const& value) {
        auto object = encode(value);
        Ref ref{std::string(Describe<V>::kind), key_of(schema_of<V>(), object)};
        out.records[ref] = std::move(object);
        return ref;
    };
    auto const guest = decode_trusted<TestGuest>(view.spec);
    add(TestMachine{guest.name});
    for (auto const& nic : guest.nics) {
        auto const& given = view.subject.allocations.at(nic.name.str());
        auto const name = Line(guest.name.str() + "/" + nic.name.str());
        auto const ref = add(TestAddress{name, guest.name, Line(given.value ? text_of(*given.value) : "")});
        if (!given.value) out.unallocated[ref] = given.why;
        add(TestRoute{name, name});
    }
    return out;
}

constexpr std::array guest_expanders{Expander{"guest", expand_guest, nullptr, nullptr}};

struct Machines {
    MemoryWorld machines;
    std::vector<std::unique_ptr<AnyDriver>> driver() {
        std::vector<MemoryDriver::Kind> kinds{{&schema_of<TestMachine>(), traits_of<TestMachine>()},
                                              {&schema_of<TestAddress>(), traits_of<TestAddress>()},
                                              {&schema_of<TestRoute>(), traits_of<TestRoute>()}};
        std::vector<std::unique_ptr<AnyDriver>> out;
        out.push_back(std::make_unique<MemoryDriver>("machines", std::move(kinds), machines));
        return out;
    }
};

struct GuestBed : Machines, Bed {
    explicit GuestBed(ReconcilerSettings with = quick()) : Bed(with_guests(std::move(with)), driver()) {
        pool(R"("192.0.2.1")");
    }
    static ReconcilerSettings with_guests(ReconcilerSettings out) {
        out.kinds = test_kinds();
        out.expanders = guest_expanders;
        return out;
    }
    void put(Spec const& spec) {
        PutRequest request;
        request.ref = {std::string(spec.kind->schema->kind), spec.name};
        request.spec = [value = spec.value](Object const*, auto const&) -> Stored<json::object> { return value; };
        store->put(request).value();
    }
    void pool(std::string const& addresses) { put(test_spec("pool", "net", R"("addresses": [)" + addresses + "]")); }
    void guest(std::string const& name, std::string const& fields = R"("nics": [{"name": "eth0", "pool": "net"}])") {
        put(test_spec("guest", name, fields));
    }
    std::string address_of(std::string const& name) {
        auto const it = machines.records.find({"test_address", name + "/eth0"});
        return it == machines.records.end() ? "none" : std::string(it->second.at("address").as_string());
    }
    std::map<std::string, std::string> holds() {
        std::map<std::string, std::string> out;
        for (auto const& h : examine().holds) out[h.ref.str()] = std::string(word_of(h.reason)) + ": " + h.message;
        return out;
    }
    // As the loop does, until the address is there; for ten seconds at most.
    std::string address_in_time(std::string const& name) {
        auto const until = clock.steady() + std::chrono::seconds(10);
        while (address_of(name) == "none" && clock.steady() < until) {
            std::this_thread::sleep_until(std::min(reconciler->next_timer(), until));
            reconciler->advance();
            run();
        }
        return address_of(name);
    }
};

}  // namespace

TEST_CASE("what cannot be given holds what needs it with the reason, and the rest of the object goes on") {
    GuestBed bed;
    bed.guest("aa");
    bed.guest("bb");
    bed.converge();
    CHECK(bed.ready({"guest", "aa"}));
    CHECK(bed.address_of("aa") == "192.0.2.1");
    CHECK_FALSE(bed.ready({"guest", "bb"}));
    CHECK(bed.machines.records.contains({"test_machine", "bb"}));
    CHECK(bed.address_of("bb") == "none");
    CHECK(bed.holds() == std::map<std::string, std::string>{
                             {"test_address/bb/eth0", "unallocated: every address of pool/net is in use"},
                             {"test_route/bb/eth0", "waits: waits for test_address/bb/eth0"}});
    for (auto const& line : bed.status({"guest", "bb"}).records)
        if (line.kind == "test_address") {
            CHECK(line.state == SyncState::waiting);
            CHECK(line.message == "every address of pool/net is in use");
        }
}

TEST_CASE("once the pool has grown a full pass gives what was missing") {
    GuestBed bed;
    bed.guest("aa");
    bed.guest("bb");
    bed.converge();
    bed.pool(R"("192.0.2.1", "192.0.2.2")");
    bed.converge();
    CHECK(bed.address_of("bb") == "192.0.2.2");
    CHECK(bed.ready({"guest", "bb"}));
    CHECK(bed.store->find({"guest", "bb"})->generation == 1);
    CHECK(bed.machines.records.contains({"test_route", "bb/eth0"}));
}

TEST_CASE("what is released and out of its quarantine is given by itself, long before a full pass is due") {
    auto settings = GuestBed::quick();
    settings.most_passes = 8;
    settings.resync = std::chrono::hours(1);
    settings.allocation = std::chrono::milliseconds(1);
    settings.quiet = settings.quiet_longest = {};
    GuestBed bed(settings);
    bed.guest("aa");
    bed.guest("bb");
    bed.converge();
    REQUIRE(bed.store->remove({"guest", "aa"}, true, "api").has_value());
    for (int i = 0; i < 3; ++i) bed.pass();
    REQUIRE_FALSE(bed.store->find({"guest", "aa"}).has_value());
    CHECK(bed.address_of("bb") == "none");
    bed.clock.advance(test_quarantine);
    CHECK(bed.address_in_time("bb") == "192.0.2.1");
    bed.converge();
    CHECK(bed.ready({"guest", "bb"}));
    CHECK(bed.reconciler->next_timer() > bed.clock.steady() + std::chrono::minutes(30));  // nothing is missing any more
}

TEST_CASE("an address that its pool has lost for good stays on the machine until there is another") {
    GuestBed bed;
    bed.guest("aa");
    bed.converge();
    bed.put(test_spec("pool", "empty", R"("addresses": [])"));
    bed.guest("aa", R"("nics": [{"name": "eth0", "pool": "empty"}])");
    bed.converge();
    CHECK(bed.address_of("aa") == "192.0.2.1");
    CHECK(bed.holds().at("test_address/aa/eth0") == "unallocated: every address of pool/empty is in use");
    bed.put(test_spec("pool", "empty", R"("addresses": ["198.51.100.1"])"));
    bed.converge();
    CHECK(bed.address_of("aa") == "198.51.100.1");
    CHECK(bed.ready({"guest", "aa"}));
}

TEST_CASE("a preview says what could not be given") {
    GuestBed bed;
    bed.guest("aa");
    bed.converge();
    auto const spec = test_spec("guest", "bb", R"("nics": [{"name": "eth0", "pool": "net"}])");
    PutRequest request;
    request.ref = {"guest", "bb"};
    request.spec = [&](Object const*, auto const&) -> Stored<json::object> { return spec.value; };
    auto const plan = bed.preview(bed.store->dry_run(request).value());
    REQUIRE_FALSE(plan.holds.empty());
    CHECK(plan.holds.front().reason == HoldReason::unallocated);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps.front().step.ref == Ref{"test_machine", "bb"});
}

}  // namespace genesis
