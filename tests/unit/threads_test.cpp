// What the daemon costs while nothing is to be done: its threads, and how often they wake.
#include "reconciler/app/engine.hpp"
#include "reconciler/webhooks/webhooks.hpp"
#include "tests/support/served.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace genesis;
using namespace genesis::test;

namespace {

std::set<std::string> threads() {
    std::set<std::string> out;
    for (auto const& task : std::filesystem::directory_iterator("/proc/self/task")) out.insert(task.path().filename());
    return out;
}

// How often each went to sleep so far, of those that are alive.
std::map<std::string, std::int64_t> sleeps(std::set<std::string> const& of) {
    std::map<std::string, std::int64_t> out;
    for (auto const& thread : of) {
        std::ifstream in("/proc/self/task/" + thread + "/status");
        constexpr std::string_view name = "voluntary_ctxt_switches:";
        for (std::string line; std::getline(in, line);)
            if (line.starts_with(name)) out[thread] = std::stoll(line.substr(name.size()));
    }
    return out;
}

struct SystemTime final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};

// All that run_daemon() starts, but for its listeners and what its drivers have of their own.
struct Daemon {
    std::set<std::string> const before = threads();
    TmpRoot root, files;
    SystemTime clock;
    ListLog log;
    MemoryWorld world;
    FewReserved reserved;
    std::vector<std::unique_ptr<AnyDriver>> drivers = memory_drivers(world);
    SqliteStore store{root / "store.db", "test", Vault::open(root / "vault.key"), clock};
    Loop loop{store, store, pointers(), clock, log, {}};
    LoopEngine engine{loop};
    Admission admission{store, reserved};
    SpecDirectory specs{files.path(), admission, {20}, log, [this](Ref const& ref) { loop.wake(ref, true); }};
    ApiServer api{{store, store, store, store, admission, engine, {}, log, clock}};
    Webhooks webhooks{{}, store, clock, log, nullptr};
    SpecWatch watch{files.path(), specs, log};

    [[nodiscard]] std::vector<AnyDriver*> pointers() const {
        std::vector<AnyDriver*> out;
        for (auto const& driver : drivers) out.push_back(driver.get());
        return out;
    }
    [[nodiscard]] std::set<std::string> started() const {
        auto out = threads();
        std::erase_if(out, [this](auto const& thread) { return before.contains(thread); });
        return out;
    }
    bool ready(std::string const& name) {
        auto const object = store.find({"account", name});
        return object && is_true(engine.status(*object).conditions, ConditionType::ready);
    }
};

}  // namespace

TEST_CASE("at rest the daemon has no more threads than the README says, and they are asleep") {
    Daemon daemon;
    std::ofstream(daemon.files / "a.yaml") << standard_account("acme", "acme.example");
    daemon.loop.start();
    for (int i = 0; i < 200 && !daemon.ready("acme"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    REQUIRE(daemon.ready("acme"));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // what is ready may still be written down
    auto const all = daemon.started();
    CHECK(all.size() > 10);
    CHECK(all.size() <= 49);  // with the main thread, the one that deletes trees and the allocator's: 52
    auto const at_first = sleeps(all);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    CHECK(daemon.started() == all);
    std::int64_t woken = 0;
    for (auto const& [thread, count] : sleeps(all)) woken += count - at_first.at(thread);
    CHECK(woken <= 2);
}
