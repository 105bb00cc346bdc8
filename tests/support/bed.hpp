// A test bed: the real planner, executor, reconciler and SQLite store, on a machine in memory.
#pragma once
#include "reconciler/run/reconciler.hpp"
#include "reconciler/store/admission.hpp"
#include "reconciler/store/sqlite.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/memory_driver.hpp"
#include "tests/support/tmp_root.hpp"

#include <memory>
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
    std::set<std::string> users{"root", "www-data"}, domains{"localhost.localdomain"};
};

class Bed {
public:
    explicit Bed(ReconcilerSettings settings = quick(), Patience patience = {},
                 std::vector<std::unique_ptr<AnyDriver>> drivers = {});
    virtual ~Bed() = default;

    // What admission says of each document: "created account/acme", or the problems.
    std::string apply(std::string const& yaml);
    Written put(std::string const& yaml);  // one document that must be accepted
    PassResult pass() { return reconciler->pass(std::nullopt, {}); }
    // Passes until nothing is done any more; fails the test when that does not happen.
    int settle(int most = 20);
    Plan examine() { return reconciler->examine(std::nullopt, {}); }
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
        s.seed = 1;
        return s;
    }

    TmpRoot root;
    FakeClock clock;
    ListLog log;
    MemoryWorld world;
    FewReserved reserved;
    std::vector<std::unique_ptr<AnyDriver>> drivers;
    std::unique_ptr<SqliteStore> store;
    std::unique_ptr<Executor> executor;
    std::unique_ptr<Reconciler> reconciler;
    ReconcilerSettings settings;
    Patience patience;
};

// An account with two sites, PHP and a database, in YAML.
std::string standard_account(std::string const& name, std::string const& domain);

}  // namespace genesis::test
