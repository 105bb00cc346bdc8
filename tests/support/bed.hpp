// A test bed: the real planner, executor, reconciler and SQLite store, on a machine in memory.
#pragma once
#include "reconciler/run/reconciler.hpp"
#include "reconciler/run/workers.hpp"
#include "reconciler/store/admission.hpp"
#include "reconciler/store/sqlite.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/memory_driver.hpp"
#include "tests/support/tmp_root.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

namespace genesis::test {

// Nothing is reserved but the names given.
struct FewReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const& name) const override {
        return users.contains(name) ? std::optional<std::string>("is a user of this system already") : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> domain(std::string const& name) const override {
        return domains.contains(name) ? std::optional<std::string>("is this server's own") : std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {"8.1", "8.2"}; }
    std::set<std::string> users{"root", "www-data"}, domains{"localhost.localdomain"};
};

class Bed {
public:
    // Drivers' calls run one after another on the test's thread, always in the same order, or on threads of their own.
    enum class Calls { in_order, on_threads };
    explicit Bed(ReconcilerSettings settings = quick(), std::vector<std::unique_ptr<AnyDriver>> drivers = {},
                 Calls calls = Calls::in_order);
    virtual ~Bed();

    // What admission says of each document: "created account/acme", or the problems.
    std::string apply(std::string const& yaml);
    Written put(std::string const& yaml);  // one document that must be accepted
    // One pass over all objects, or these, to its end; what it wakes is left to the next.
    PassResult pass(std::optional<Dirty> const& scope = {});
    // Passes until nothing is done any more; fails the test when that does not happen.
    int converge(int most = 20);
    Plan examine(std::optional<Ref> const& object = {});
    Plan preview(Object const& object);
    // Takes all steps of a plan, whatever the reconciler thinks of them.
    std::vector<std::pair<AnyStep, Outcome>> execute(Plan const& plan);
    Status status(Ref const& object);
    bool ready(Ref const& object);
    void restart();  // forgets all that is not durable
    [[nodiscard]] json::object& record(std::string const& kind, std::string const& key) {
        return world.records.at({kind, key});
    }
    void drift(std::string const& kind, std::string const& key, std::string const& field, json::value value) {
        record(kind, key)[field] = std::move(value);
    }

    static ReconcilerSettings quick() {
        ReconcilerSettings s;
        s.backoff.seed = 1;
        s.most_passes = 0;  // none begins by itself
        return s;
    }

    TmpRoot root;
    std::string node = "test";  // of the store, from the next restart on
    FakeClock clock;
    ListLog log;
    MemoryWorld world;
    FewReserved reserved;
    std::vector<std::unique_ptr<AnyDriver>> drivers;
    std::unique_ptr<SqliteStore> store;
    std::unique_ptr<StatusCache> cache;
    std::unique_ptr<Workers> workers;
    std::unique_ptr<Reconciler> reconciler;
    ReconcilerSettings settings;

protected:
    // Handles what the drivers' threads report until nothing is under way.
    void run();

private:
    Calls calls_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<std::size_t> completed_;
};

// An account with two sites, PHP and a database, in YAML.
std::string standard_account(std::string const& name, std::string const& domain);

}  // namespace genesis::test
