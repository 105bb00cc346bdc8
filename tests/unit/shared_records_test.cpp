// Records that several objects share, through passes and restarts.
#include "reconciler/store/kinds_fixture.hpp"
#include "tests/support/bed.hpp"
#include "tests/unit/plan_table.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

namespace {

Ref const aa{"guest", "aa"}, bb{"guest", "bb"}, shared{"owner", "pp"};
std::string const on_pp = R"("nics": [{"name": "x", "pool": "pp"}])";

// A thing of its own, and an owner that is shared for each pool.
Expansion expand(View const& view) {
    Expansion out;
    auto const guest = decode_trusted<TestGuest>(view.spec);
    for (auto const& nic : guest.nics) out.shared[{"owner", nic.pool.str()}] = encode(Owner{nic.pool.str(), 1});
    auto const pool = guest.nics.empty() ? "" : guest.nics[0].pool.str();
    out.records[{"thing", view.subject.ref.key}] = encode(Thing{view.subject.ref.key, pool, 1});
    return out;
}

ReconcilerSettings settings() {
    static std::array const list{Expander{"guest", expand, nullptr, nullptr}};
    auto out = Bed::quick();
    out.kinds = test_kinds();
    out.expanders = list;
    return out;
}

std::vector<std::unique_ptr<AnyDriver>> memory(MemoryWorld& world) {
    std::vector<std::unique_ptr<AnyDriver>> out;
    out.push_back(std::make_unique<MemoryDriver>(
        "a", std::vector<MemoryDriver::Kind>{{&schema_of<Owner>(), {}}, {&schema_of<Thing>(), {}}}, world));
    return out;
}

struct Guests {
    MemoryWorld machine;
    Bed bed{settings(), memory(machine)};

    Guests() { write({"pool", "pp"}, R"("addresses": ["192.0.2.1", "192.0.2.2"])"); }
    void write(Ref const& ref, std::string const& fields) {
        PutRequest request;
        request.ref = ref;
        request.spec = [spec = test_spec(ref.kind, ref.key, fields).value](
                           Object const*, PutRequest::Find const&) -> Stored<json::object> { return spec; };
        bed.store->put(request).value();
    }
};

}  // namespace

TEST_CASE("a shared record goes with the last object that shares it") {
    Guests t;
    t.write(aa, on_pp);
    t.write(bb, on_pp);
    t.bed.converge();
    REQUIRE(t.machine.records.contains(shared));
    t.write(aa, "");
    t.bed.pass(Dirty{aa});
    t.bed.converge();
    CHECK(t.machine.records.contains(shared));
    t.write(bb, "");
    t.bed.pass(Dirty{bb});
    for (int i = 0; i < 5 && !t.bed.reconciler->pending().empty(); ++i) t.bed.pass(t.bed.reconciler->pending());
    CHECK_FALSE(t.machine.records.contains(shared));
}

TEST_CASE("a shared record goes although the daemon was restarted when nobody shared it any more") {
    Guests t;
    t.write(aa, on_pp);
    t.bed.converge();
    REQUIRE(t.machine.records.contains(shared));
    t.write(aa, "");
    t.bed.restart();
    t.bed.converge();
    CHECK_FALSE(t.machine.records.contains(shared));
    CHECK(t.bed.examine().empty());
    CHECK(t.bed.store->records().size() == 1);  // of the thing
}

TEST_CASE("a preview of the first object to share a record shows that as well") {
    Guests t;
    t.bed.converge();
    Object object;
    object.ref = aa;
    object.generation = 1;
    object.spec = test_spec("guest", "aa", on_pp).value;
    auto const plan = t.bed.preview(object);
    CHECK(plan.holds.empty());
    CHECK(plan.steps.size() == 2);
    CHECK(t.machine.records.empty());
}
