// What is had once, in the store: given with the spec in one transaction, missing with a reason, kept back, given
// later.
#include "reconciler/allocate/allocate_fixture.hpp"
#include "reconciler/store/admission.hpp"
#include "reconciler/store/kinds_fixture.hpp"
#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <thread>

namespace genesis {
namespace {

struct AllReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const&) const override { return "is a user"; }
    [[nodiscard]] std::optional<std::string> domain(std::string const&) const override { return "is reserved"; }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {}; }
};

struct GuestFixture : StoreFixture {
    GuestFixture() {
        kinds = test_kinds();
        more_ranges["port"] = {5900, 5902};
        reopen();
        pool("net", R"("192.0.2.1", "192.0.2.2")");
        pool("web", R"("192.0.2.80", "192.0.2.81")");
    }
    void pool(std::string const& name, std::string const& addresses) {
        put(store(), test_spec("pool", name, R"("addresses": [)" + addresses + "]")).value();
    }
    Stored<Written> guest(std::string const& name, std::string const& fields = one_nic) {
        return put(store(), test_spec("guest", name, fields));
    }
    std::string got(std::string const& name, std::string const& slot = "eth0") {
        auto const found = store().find({"guest", name});
        REQUIRE(found);
        auto const& all = found->allocations;
        if (!all.contains(slot)) return "nothing";
        return all.at(slot).value ? text_of(*all.at(slot).value) : all.at(slot).why;
    }
    void pass(std::chrono::milliseconds time) { clock.milliseconds += time.count(); }
    static constexpr auto one_nic = R"("nics": [{"name": "eth0", "pool": "net"}])";
    AllReserved reserved;
};

std::string nic(std::string const& address) {
    return R"("nics": [{"name": "eth0", "pool": "net", "address": ")" + address + "\"}]";
}

TEST_CASE("an object whose pool is empty is stored, says why it waits, and is given an address once there is one") {
    GuestFixture f;
    for (auto const* name : {"aa", "bb", "cc"}) CHECK(f.guest(name).value().how == Wrote::created);
    CHECK(f.got("aa") == "192.0.2.1");
    CHECK(f.got("bb") == "192.0.2.2");
    CHECK(f.got("cc") == "every address of pool/net is in use");
    CHECK(f.store().allocate_missing().empty());
    auto const version = f.store().version();
    f.store().forget({"guest", "aa"});
    CHECK(f.store().allocate_missing().empty());  // in quarantine
    f.pass(test_quarantine);
    CHECK(f.store().allocate_missing() == std::vector<Ref>{{"guest", "cc"}});
    CHECK(f.store().version() > version + 1);
    f.reopen();
    CHECK(f.got("cc") == "192.0.2.1");
    CHECK(f.store().find({"guest", "cc"})->generation == 1);
    f.guest("dd").value();
    f.pool("net", R"("192.0.2.1", "192.0.2.2", "192.0.2.3")");
    CHECK(f.guest("dd", std::string(GuestFixture::one_nic) + R"(, "console": true)").value().how == Wrote::changed);
    CHECK(f.got("dd") == "192.0.2.3");
    CHECK(f.got("dd", "console") == "5900");
}

TEST_CASE("an address that is asked for by name and is taken is a problem at its field, and nothing is stored") {
    GuestFixture f;
    f.guest("aa", nic("192.0.2.2")).value();
    auto const refusal = f.guest("bb", nic("192.0.2.2") + R"(, "console": true)").error();
    CHECK(refusal.code == "address_taken");
    REQUIRE(refusal.problems.size() == 1);
    CHECK(refusal.problems[0].path == "/nics/0/address");
    CHECK(refusal.problems[0].text == "192.0.2.2 is used by another guest");
    CHECK_FALSE(f.store().find({"guest", "bb"}));
    f.guest("cc").value();
    CHECK(f.got("cc") == "192.0.2.1");
    f.guest("dd", R"("console": true)").value();
    CHECK(f.got("dd", "console") == "5900");  // b took none
}

TEST_CASE("what an object claims no longer is kept back and then another's, and what it still claims it keeps") {
    GuestFixture f;
    f.guest("aa").value();
    f.guest("bb").value();
    f.guest("aa", "").value();
    CHECK(f.got("aa") == "nothing");
    f.guest("cc").value();
    CHECK(f.got("cc") == "every address of pool/net is in use");
    f.pass(test_quarantine);
    f.guest("cc", std::string(GuestFixture::one_nic) + R"(, "web": true)").value();
    CHECK(f.got("cc") == "192.0.2.1");
    f.guest("bb", R"("nics": [{"name": "lan", "pool": "net"}])").value();
    CHECK(f.got("bb", "lan") == "192.0.2.2");
    f.store().remove({"guest", "bb"}, std::nullopt, "api").value();
    f.guest("bb", R"("nics": [{"name": "lan", "pool": "net"}])").value();  // revived
    CHECK(f.got("bb", "lan") == "192.0.2.2");
}

TEST_CASE("a shared address goes to the one that fewest have") {
    GuestFixture f;
    std::map<std::string, int> loads;
    for (int i = 0; i < 10; ++i) {
        f.guest("g" + std::to_string(i), R"("web": true)").value();
        ++loads[f.got("g" + std::to_string(i), "web")];
    }
    CHECK(loads == std::map<std::string, int>{{"192.0.2.80", 5}, {"192.0.2.81", 5}});
}

TEST_CASE("a dry run shows what would be given and gives nothing") {
    GuestFixture f;
    auto const shown = f.store().dry_run(request_of(test_spec("guest", "aa", GuestFixture::one_nic))).value();
    CHECK(text_of(*shown.allocations.at("eth0").value) == "192.0.2.1");
    f.guest("bb").value();
    CHECK(f.got("bb") == "192.0.2.1");
}

TEST_CASE("many that ask for the last addresses at once: none is given twice, the others wait") {
    GuestFixture f;
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) threads.emplace_back([&, i] { f.guest("g" + std::to_string(i)).value(); });
    for (auto& t : threads) t.join();
    std::map<std::string, int> got;
    for (int i = 0; i < 16; ++i) ++got[f.got("g" + std::to_string(i))];
    CHECK(got ==
          std::map<std::string, int>{{"192.0.2.1", 1}, {"192.0.2.2", 1}, {"every address of pool/net is in use", 14}});
}

TEST_CASE("what refers to something that is not there is refused at its field, for every kind alike") {
    GuestFixture f;
    auto const admitted = [&](Spec const& spec) { return admit({f.store(), f.reserved}, spec, {}); };
    auto const refusal =
        admitted(
            test_spec("guest", "aa",
                      R"("nics": [{"name": "eth0", "pool": "net"}, {"name": "eth1", "pool": "lan"}], "after": "bb")"))
            .error();
    CHECK(refusal.code == "invalid");
    REQUIRE(refusal.problems.size() == 2);
    CHECK(refusal.problems[0] == Problem{"/nics/1/pool", "not_found", "there is no pool lan"});
    CHECK(refusal.problems[1] == Problem{"/after", "not_found", "there is no guest bb"});
    f.pool("lan", "");
    admitted(test_spec("guest", "bb", GuestFixture::one_nic)).value();
    admitted(test_spec("guest", "aa", R"("nics": [{"name": "eth1", "pool": "lan"}], "after": "bb")")).value();
    CHECK(f.store().remove({"pool", "lan"}, std::nullopt, "api").error().text == "1 guest names it: guest/aa");
    CHECK(f.store().dependents({"guest", "bb"}) == std::vector<Ref>{{"guest", "aa"}});
    f.guest("aa", "").value();
    CHECK(f.store().remove({"pool", "lan"}, std::nullopt, "api").has_value());
    CHECK(f.store().dependents({"guest", "bb"}).empty());
}

// ---- the database as the allocator sees it

struct Bench : StoreFixture {
    Bench() : db(directory() + "/bench.db", "node1", clock) {}
    ~Bench() { db.close(); }
    Bench(Bench const&) = delete;
    Bench& operator=(Bench const&) = delete;
    StoreDatabase db;
};

TEST_CASE("the database itself refuses a second holder of a value, whatever was decided") {
    Bench f;
    Holding h{.space = "address", .value = std::string("192.0.2.1"), .slot = "eth0", .object = {"guest", "a"}};
    auto const write = [&] {
        f.db.run([&] { SqliteAllocations(f.db.sql(), f.db.node()).write({{h}, {}, {}}, f.clock.now()); });
    };
    write();
    h.object.key = "b";
    CHECK_THROWS_AS(write(), Fault);
    h.shared = true;
    write();  // the sharer makes the difference
}

// The same history over the database and over a list in memory.
void same_history(Bench& f, std::uint32_t seed) {
    std::mt19937 random(seed);
    Stock const stock;
    ListedHoldings listed;
    SqliteAllocations stored(f.db.sql(), f.db.node());
    auto const sorted = [](std::vector<Holding> all) {
        std::sort(all.begin(), all.end(), [](Holding const& a, Holding const& b) {
            return std::tie(a.space, a.slot, a.value) < std::tie(b.space, b.slot, b.value);
        });
        return all;
    };
    Time now(std::chrono::milliseconds(1000));
    for (int i = 0; i < 20; ++i) {
        now += std::chrono::milliseconds(random() % 4);
        Ref const object{"guest", std::string(1, static_cast<char>('a' + random() % 3))};
        if (random() % 4 == 0) {
            listed.release_all(object, now);
            stored.release(object, now);
            continue;
        }
        auto const claims = random_claims(random);
        auto const own = sorted(listed.own(object));
        REQUIRE(sorted(stored.own(object)) == own);
        auto const here = allocate(object, claims, own, stored, stock.supply, now);
        auto const there = allocate(object, claims, own, listed, stock.supply, now);
        REQUIRE(here.problems == there.problems);
        REQUIRE(here.give == there.give);
        REQUIRE(here.release == there.release);
        REQUIRE(here.forget == there.forget);
        if (!here.good()) continue;
        listed.write(here, now);
        stored.write(here, now);
    }
}

TEST_CASE("over 1,000 random histories the database answers as the list in memory does") {
    Bench f;
    for (std::uint32_t seed = 0; seed < 1000; ++seed)
        f.db.dry_run([&] {
            same_history(f, seed);
            return 0;
        });
}

}  // namespace
}  // namespace genesis
