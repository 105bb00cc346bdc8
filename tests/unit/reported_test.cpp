// What was observed that no spec asks for: from the machine in memory through the engine, the API and genesisctl.
#include "tests/support/served.hpp"

#include <array>

namespace genesis::test {

struct Disk {
    std::string name;
    std::int64_t size = 10;
    std::int64_t used = 0;
    std::optional<std::string> wear;
};

}  // namespace genesis::test

namespace genesis {
template <>
struct Describe<test::Disk> {
    static constexpr std::string_view kind = "disk", doc = "Of this test.";
    static constexpr auto fields =
        std::tuple{field("name", &test::Disk::name, "", Attribute::key | Attribute::fixed),
                   field("size", &test::Disk::size, ""), field("used", &test::Disk::used, "", Attribute::reported),
                   field("wear", &test::Disk::wear, "", Attribute::reported)};
};
}  // namespace genesis

using namespace genesis;
using namespace genesis::test;

namespace {

ReconcilerSettings settings() {
    static std::array const list{Expander{
        "account",
        [](View const& view) {
            Expansion out;
            out.records[{"disk", view.subject.ref.key}] = encode(Disk{view.subject.ref.key, 10, 0, std::nullopt});
            return out;
        },
        nullptr, nullptr}};
    auto out = Bed::quick();
    out.expanders = list;
    return out;
}

std::vector<std::unique_ptr<AnyDriver>> disks(MemoryWorld& world) {
    std::vector<std::unique_ptr<AnyDriver>> out;
    out.push_back(
        std::make_unique<MemoryDriver>("disks", std::vector<MemoryDriver::Kind>{{&schema_of<Disk>(), {}}}, world));
    return out;
}

// The account acme with one disk.
struct Disks {
    MemoryWorld machine;
    Bed bed{settings(), disks(machine)};

    Disks() { bed.put("kind: account\nname: acme\n"); }
    json::object& disk() { return machine.records.at({"disk", "acme"}); }
    // The disk's line of the status that `genesisctl get -o json` prints.
    [[nodiscard]] json::object line() {
        auto const all = json::parse(Served(bed).ctl({"get", "account/acme", "-o", "json"}));
        auto const& records = all.at(0).at("status").at("records").as_array();
        REQUIRE(records.size() == 1);
        return records.front().as_object();
    }
    [[nodiscard]] json::value reported() { return line().at("reported"); }
};

}  // namespace

TEST_CASE("what is reported of a record stands in the status of its object, and follows what is observed") {
    Disks t;
    t.bed.pass();  // makes it
    t.disk()["used"] = 3;
    t.bed.pass();  // sees for the first time that it is as wanted
    CHECK(t.line().at("state") == "in_sync");
    CHECK(t.reported() == json::value{{"used", "3"}});
    t.disk()["used"] = 4;
    t.disk()["wear"] = "little";
    t.bed.pass();  // it is as wanted, as it was before
    CHECK(t.line().at("state") == "in_sync");
    CHECK(t.reported() == json::value{{"used", "4"}, {"wear", "little"}});
    t.disk()["used"] = 5;
    t.bed.pass(Dirty{{"account", "acme"}});
    CHECK(t.reported() == json::value{{"used", "5"}, {"wear", "little"}});
    t.bed.restart();
    t.bed.pass();
    CHECK(t.reported() == json::value{{"used", "5"}, {"wear", "little"}});
}

TEST_CASE("what is reported of a record is said also while the record differs") {
    Disks t;
    t.bed.converge();
    t.bed.store->set_paused({"account", "acme"}, true);
    t.disk()["size"] = 7;
    t.disk()["used"] = 6;
    t.bed.pass();
    CHECK(t.line().at("state") == "differs");
    CHECK(t.reported() == json::value{{"used", "6"}});
}

TEST_CASE("what is reported is never a difference") {
    Disks t;
    t.bed.converge();
    auto const mutations = t.machine.mutations;
    auto const history = t.bed.store->history({}, 0, 100).size();
    for (int used : {1, 2, 3}) {
        t.disk()["used"] = used;
        t.disk()["wear"] = std::to_string(used);
        auto const result = t.bed.pass();
        CHECK(result.steps == 0);
        CHECK(result.held == 0);
        CHECK(t.bed.examine().empty());
        CHECK(t.bed.ready({"account", "acme"}));
    }
    CHECK(t.machine.mutations == mutations);
    CHECK(t.bed.store->history({}, 0, 100).size() == history);
    t.disk()["size"] = 7;  // what is asked for still is one
    auto const plan = t.bed.examine();
    REQUIRE(plan.steps.size() == 1);
    REQUIRE(plan.steps[0].step.changes.size() == 1);
    CHECK(plan.steps[0].step.changes[0].path == "/size");
}

TEST_CASE("genesisctl describe says what is reported of a record") {
    Disks t;
    t.bed.converge();
    t.disk()["used"] = 3;
    t.disk()["wear"] = "little";
    t.bed.pass();
    auto const said = Served(t.bed).ctl({"describe", "account/acme"});
    INFO(said);
    CHECK(said.find("used: 3; wear: little\n") != std::string::npos);
}
