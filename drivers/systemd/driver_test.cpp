// What the driver promises about slices, on unit files in a rooted folder; systemd itself is asked in the lab.
#include "drivers/systemd/driver.hpp"

#include "drivers/host/test_root.hpp"

#include <sys/stat.h>

using namespace genesis;

namespace {

struct Bench : host::TestRoot {
    SystemdDriver driver{NodeLayout{.units = path}, SystemdDriver::Manager::none};

    std::vector<Slice> look() { return driver.observe(Of<Slice>{}, {}, context).found; }
    Outcome apply(Verb verb, Slice const& slice) {
        Step<Slice> const step{verb, slice, slice, {}};
        return driver.apply(std::span<Step<Slice> const>(&step, 1), context).front();
    }
    bool quiet(Slice const& want) {
        auto const found = look();
        return found.size() == 1 && diff(schema_of<Slice>(), encode(want), encode(found[0])).empty();
    }
};

Slice acme() {
    Slice s;
    s.name = UnitName("genesis-acme");
    s.cpu_percent = 150;
    s.memory_mib = 1024;
    s.tasks = 200;
    return s;
}

constexpr char const* unit = "genesis-acme.slice";

}  // namespace

TEST_CASE("a slice is written, read back the same, changed and removed") {
    if (!host::can_run_as_root()) return;
    Bench b;
    CHECK(b.look().empty());
    CHECK(b.apply(Verb::create, acme()).how == Outcome::done);
    CHECK(b.quiet(acme()));
    auto const first = *b.dir.look(unit);
    CHECK(b.apply(Verb::create, acme()).how == Outcome::done);
    CHECK(*b.dir.look(unit) == first);
    auto smaller = acme();
    smaller.memory_mib = 512;
    CHECK_FALSE(b.quiet(smaller));
    CHECK(b.apply(Verb::update, smaller).how == Outcome::done);
    CHECK(b.quiet(smaller));
    CHECK(b.apply(Verb::remove, smaller).how == Outcome::done);
    CHECK(b.look().empty());
    CHECK(b.apply(Verb::remove, smaller).how == Outcome::done);
}

TEST_CASE("a limit of 0 is no line") {
    if (!host::can_run_as_root()) return;
    Bench b;
    Slice none;
    none.name = UnitName("genesis-acme");
    b.apply(Verb::create, acme());
    CHECK_THAT(b.dir.read(unit)->bytes, Catch::Contains("CPUQuota=150%\nMemoryMax=1024M\nTasksMax=200\n"));
    b.apply(Verb::update, none);
    CHECK_THAT(b.dir.read(unit)->bytes, !Catch::Contains("CPUQuota") && !Catch::Contains("Max="));
    CHECK(b.quiet(none));
}

TEST_CASE("a slice changed by hand is seen, and put back by the next pass") {
    if (!host::can_run_as_root()) return;
    Bench b;
    b.apply(Verb::create, acme());
    auto const text = b.dir.read(unit)->bytes;
    host::Owner const owner{0, 0, 0644};
    std::vector<std::string> const damaged{text + "MemoryMax=infinity\n", text.substr(0, text.size() - 5),
                                           text.substr(0, text.find('{')) + "{}\n",
                                           text.substr(0, text.find('{')) + "broken\n[Slice]\n"};
    for (auto const& bytes : damaged) {
        b.dir.write(unit, bytes, owner);
        CHECK_FALSE(b.quiet(acme()));
        CHECK(b.apply(Verb::update, acme()).how == Outcome::done);
        CHECK(b.quiet(acme()));
    }
    REQUIRE(::fchmodat(b.dir.fd(), unit, 0666, 0) == 0);
    CHECK_FALSE(b.quiet(acme()));
    b.apply(Verb::update, acme());
    CHECK(b.quiet(acme()));
}

TEST_CASE("a slice without our first line is unmanaged, and names of other depth are not looked at") {
    if (!host::can_run_as_root()) return;
    Bench b;
    b.dir.write(unit, "[Slice]\nMemoryMax=1G\n", {0, 0, 0644});
    b.dir.write("genesis-acme-inner.slice", "[Slice]\n", {0, 0, 0644});
    b.dir.write("genesis-acme.service", "[Service]\n", {0, 0, 0644});
    auto const seen = b.driver.observe(Of<Slice>{}, {}, b.context);
    CHECK(seen.found.empty());
    REQUIRE(seen.unmanaged.size() == 1);
    CHECK(seen.unmanaged[0].value.name.str() == "genesis-acme");
}

TEST_CASE("no slice is made whose name could lie inside another account's") {
    if (!host::can_run_as_root()) return;
    Bench b;
    for (auto const* name : {"genesis-acme-inner", "genesis-", "system", "genesis"}) {
        auto slice = acme();
        slice.name = UnitName::checked(name);
        CHECK(b.apply(Verb::create, slice).how == Outcome::terminal);
    }
    CHECK(b.dir.list().empty());
}

TEST_CASE("a slice that 0.1.0 wrote is ours, and is written again as what it says") {
    if (!host::can_run_as_root()) return;
    Bench b;
    b.dir.write(unit,
                "# kept by genesis: changes are undone\n# record: {\"name\":\"genesis-acme\",\"cpu_percent\":150,"
                "\"memory_mib\":1024,\"tasks\":200,\"file\":\"intact\"}\n\n[Unit]\nDescription=Account acme\n\n"
                "[Slice]\nCPUQuota=150%\nMemoryMax=1024M\nTasksMax=200\n",
                {0, 0, 0644});
    auto const found = b.look();
    REQUIRE(found.size() == 1);
    CHECK(found[0].memory_mib == 1024);
    CHECK(found[0].file != "intact");
    CHECK(b.apply(Verb::update, acme()).how == Outcome::done);
    CHECK(b.quiet(acme()));
}

TEST_CASE("a slice that cannot be read is unseen, neither absent nor a conflict, and is read the next time") {
    if (!host::can_run_as_root()) return;
    Bench b;
    b.apply(Verb::create, acme());
    {
        host::Unreadable const lease(b.at(unit));
        auto const seen = b.driver.observe(Of<Slice>{}, {}, b.context);
        CHECK(seen.found.empty());
        CHECK(seen.unmanaged.empty());
        CHECK(seen.unseen == std::vector<std::string>{"genesis-acme"});
    }
    CHECK(b.quiet(acme()));
}

TEST_CASE(
    "a removed slice that systemd could not be asked to forget is removed again until it has been, or is wanted "
    "again") {
    if (!host::can_run_as_root()) return;
    Bench b;
    b.apply(Verb::create, acme());
    REQUIRE(::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + b.at("no-bus")).c_str(), 1) == 0);
    b.driver = SystemdDriver(NodeLayout{.units = b.path});
    CHECK(b.apply(Verb::remove, acme()).how == Outcome::done);
    CHECK_THROWS_AS(b.driver.commit(b.context), Fault);
    for (auto const& scope : {Scope{}, Scope{{"genesis-acme"}}}) {
        auto const found = b.driver.observe(Of<Slice>{}, scope, b.context).found;
        REQUIRE(found.size() == 1);
        CHECK_THAT(found[0].file, Catch::Contains("has not said that it has stopped it"));
    }
    CHECK(b.apply(Verb::remove, acme()).how == Outcome::done);
    CHECK(b.look().size() == 1);
    CHECK_THROWS_AS(b.driver.commit(b.context), Fault);
    CHECK(b.apply(Verb::create, acme()).how == Outcome::done);
    CHECK(b.quiet(acme()));
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
}
