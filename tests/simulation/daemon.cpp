// What surrounds the reconciler.
#include "tests/simulation/daemon.hpp"

#include "tests/simulation/shared.hpp"

#include <algorithm>

namespace genesis::simulation {

void Calls::run(std::size_t driver, Job job, std::function<void()> ended) {
    if (open_[driver])
        verdict_.broken(std::string(drivers_[driver]->name()) + " was called while its last call had not ended");
    open_[driver] = Call{std::move(job), std::move(ended), clock_.steady()};
}

std::vector<std::size_t> Calls::all(bool executed) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < open_.size(); ++i)
        if (open_[i] && open_[i]->executed == executed) out.push_back(i);
    return out;
}

void Calls::execute(std::size_t driver) {
    open_[driver]->executed = true;
    auto const job = std::exchange(open_[driver]->job, nullptr);
    job(*drivers_[driver]);
}

void Calls::answer(std::size_t driver) {
    auto const ended = std::move(open_[driver]->ended);
    open_[driver].reset();
    ended();
}

Steady Calls::oldest() const {
    auto out = clock_.steady();
    for (auto const& call : open_)
        if (call) out = std::min(out, call->since);
    return out;
}

void WatchedLedger::intend(std::span<AnyStep const> steps, std::span<std::string const> causes) {
    ledger_.intend(steps, causes);
    for (auto const& step : steps)
        if (step.verb == Verb::create) rows_.emplace(step.ref, step.object);
}

void WatchedLedger::record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) {
    ledger_.record(steps, outcomes);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (steps[i].verb == Verb::remove && outcomes[i].how == Outcome::done) rows_.erase(steps[i].ref);
}

std::vector<RecordState> WatchedLedger::records() {
    auto out = ledger_.records();
    rows_.clear();
    for (auto const& row : out) rows_.emplace(row.ref, row.object);
    return out;
}

void WatchedLedger::save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) {
    ledger_.save_records(changed, dropped);
    for (auto const& row : changed) {
        rows_.insert_or_assign(row.ref, row.object);
        if (row.attempts > 0 && !machine_.blamed(row.ref))
            verdict_.broken(row.ref.str() + " counts as failed and nothing went wrong with it: " + row.error);
    }
    for (auto const& ref : dropped) rows_.erase(ref);
}

ReconcilerSettings simulated_settings() {
    ReconcilerSettings out;
    out.backoff.seed = 1;
    out.backoff.longest = std::chrono::seconds(30);
    out.resync = std::chrono::hours(24);  // a full pass would make up for a wake that was lost
    out.expanders = simulated_expanders();
    return out;
}

Daemon::Daemon(Objects& store, Ledger& stored, std::vector<AnyDriver*> drivers, Machine& machine, SimulatedClock& clock,
               Log& log, Verdict& verdict)
    : calls(std::move(drivers), clock, verdict),
      ledger(stored, machine, verdict),
      reconciler(store, ledger, calls, cache, clock, log, simulated_settings(),
                 [this](std::size_t driver) { completed.push_back(driver); }) {
    machine.may_work = [this](AnyStep const& step) {
        return reconciler.in_flight(step.object) || reconciler.unreachable().contains(step.ref.kind);
    };
}

Daemon::~Daemon() = default;

}  // namespace genesis::simulation
