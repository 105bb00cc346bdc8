// Carries out plans and looks, in parallel over drivers; the only caller of observe(), apply() and settle().
#pragma once
#include "reconciler/plan/plan.hpp"
#include "reconciler/run/worker.hpp"
#include "reconciler/store/ledger.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace genesis {

struct Patience {
    std::chrono::milliseconds look{30000};   // for a driver to observe all its kinds
    std::chrono::milliseconds batch{60000};  // for apply and settle of one batch …
    std::chrono::milliseconds step{200};     // … and so much more for each of its steps
    std::chrono::milliseconds grace{2000};   // beyond a deadline before a driver counts as hung
};

struct Report {
    std::vector<std::pair<AnyStep, Outcome>> outcomes;
    std::vector<std::pair<AnyStep, std::string>> skipped;  // something they refer to failed in this plan
    std::vector<std::pair<Ref, Outcome>> elsewhere;     // what settle() found wrong with records that no step was about
    std::vector<std::pair<std::string, bool>> settles;  // by driver, and whether all of it went well
    std::vector<std::string> faults;                    // settle() that failed as a whole: "apache: …"
};

class Executor {
public:
    // Drivers, clock, log and journal outlive it.
    Executor(std::vector<AnyDriver*> const& drivers, Journal& journal, Clock const& clock, Log& log, Patience patience);
    ~Executor();

    [[nodiscard]] Kinds const& kinds() const { return kinds_; }

    // One look, all drivers at once. Kinds without an entry are not looked at. A driver that throws, hangs or is still
    // busy leaves its kinds blind.
    Look look(std::map<std::string, Scope> const& scopes, std::stop_token const& stop);

    // Executes batches as their predecessors end. A failed step holds what refers to it, within the plan; a hung driver
    // fails its own batch and what comes after it.
    Report execute(Plan const& plan, std::stop_token const& stop);

private:
    Worker* worker_of(std::string const& driver);

    std::vector<std::unique_ptr<Worker>> workers_;
    Kinds kinds_;
    Journal& journal_;
    Clock const& clock_;
    Log& log_;
    Patience patience_;
};

}  // namespace genesis
