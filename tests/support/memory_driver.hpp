// ONE fake for every kind, made from the description alone: it proves the engine, never a driver.
#pragma once
#include "drivers/driver.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace genesis::test {

// A machine in memory. Tests change it by hand; the drivers below see and change it.
struct MemoryWorld {
    std::mutex mutex;
    std::map<Ref, json::object> records;
    std::map<Ref, Observation::Unmanaged> unmanaged;
    std::set<Ref> unseen;
    std::map<std::string, std::string> unreachable;  // driver → why its looks throw
    std::map<std::string, int> fail;           // driver → so many of its next steps fail
    std::map<Ref, Outcome> record_outcomes;           // what settle says of these
    int die_after = -1;                        // after so many steps nothing can be done any more; -1: never
    std::string dying_driver;                  // only this one's steps count and end; empty: everybody's, in any order
    bool dead = false;
    std::atomic<bool> hang{false};  // apply does not come back while this is set
    std::string hanging_driver;
    std::vector<std::string> calls;  // "commit apache", "apply site 3"
    int mutations = 0;
};

class MemoryDriver final : public AnyDriver {
public:
    struct Kind {
        Schema const* schema;
        KindTraits traits;
    };
    MemoryDriver(std::string name, std::vector<Kind> kinds, MemoryWorld& world)
        : name_(std::move(name)), kinds_(std::move(kinds)), world_(world) {}

    [[nodiscard]] std::string_view name() const override { return name_; }
    [[nodiscard]] std::vector<Schema const*> kinds() const override;
    [[nodiscard]] KindTraits traits(std::string_view kind) const override;
    Observation observe(std::string_view kind, Scope const& scope, Context& context) override;
    std::vector<Outcome> apply(std::span<AnyStep const> steps, Context& context) override;
    CommitResult commit(Context& context) override;

private:
    Outcome apply_one(AnyStep const& step);
    std::string name_;
    std::vector<Kind> kinds_;
    MemoryWorld& world_;
};

// A fake for each driver of the catalog, with its name and its kinds.
std::vector<std::unique_ptr<AnyDriver>> memory_drivers(MemoryWorld& world);

}  // namespace genesis::test
