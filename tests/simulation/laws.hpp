// What must hold after each event of a history, and what must be so at its end.
#pragma once
#include "reconciler/store/objects.hpp"
#include "tests/simulation/daemon.hpp"

#include <map>
#include <string>

namespace genesis::simulation {

// Knows what is stored and makes of it, by the expanders, what the machine must have.
class Laws {
public:
    Laws(Machine& machine, Verdict& verdict) : machine_(machine), verdict_(verdict) {}

    struct Known {
        Object object;
        std::map<Ref, json::object> wanted, shared{};  // nothing of what is being removed
    };
    [[nodiscard]] std::map<Ref, Known> const& known() const { return known_; }
    [[nodiscard]] Known const* find(Ref const& object) const;
    // An object was changed, or may have been.
    void learn(Objects& store, Ref const& object);
    // After a restart: nothing that was acknowledged is lost.
    void learn_again(Objects& store);

    // After each event.
    void check(Daemon& daemon, Objects& store);
    // At rest. `strictly`: all was looked at since the last change by hand, and every removal is confirmed.
    void check_converged(Daemon& daemon, Objects& store, bool strictly);
    // What the ledger says is what the daemon believes it says.
    void check_stored(Daemon& daemon, Ledger& ledger);

private:
    void expand(Known& known);
    void check_claims(Known const& known);
    void check_rows(Daemon const& daemon);
    void check_ready(Daemon const& daemon);
    void check_forgotten(Daemon const& daemon, Objects& store);
    void check_leftovers(Daemon const& daemon, bool strictly);
    void check_object(Daemon const& daemon, Known const& known, bool strictly);
    // The first of its records that is not as wanted; what was changed by hand counts if `strictly`.
    [[nodiscard]] std::string difference(std::map<Ref, json::object> const& wanted, bool strictly, bool slices) const;
    // What the node must have for all of them.
    [[nodiscard]] std::map<Ref, json::object> shared() const;
    [[nodiscard]] bool wanted(Ref const& record) const;

    Machine& machine_;
    Verdict& verdict_;
    std::map<Ref, Known> known_;
    std::map<std::int64_t, std::string> numbers_;  // each that was ever given, and to whom
    std::uint64_t seen_version_ = 0;               // of the statuses
};

}  // namespace genesis::simulation
