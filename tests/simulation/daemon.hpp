// The daemon of a simulation: the real reconciler, with drivers' calls that are executed and answered one by one.
#pragma once
#include "reconciler/run/reconciler.hpp"
#include "tests/simulation/machine.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace genesis::simulation {

// Keeps each call until the history executes it on the machine, and until it lets its answer through.
class Calls final : public Workers {
public:
    Calls(std::vector<AnyDriver*> drivers, Clock const& clock, Verdict& verdict)
        : drivers_(std::move(drivers)), open_(drivers_.size()), clock_(clock), verdict_(verdict) {}
    [[nodiscard]] std::vector<AnyDriver*> const& drivers() const override { return drivers_; }
    void run(std::size_t driver, Job job, std::function<void()> ended) override;

    [[nodiscard]] std::vector<std::size_t> to_execute() const { return all(false); }
    [[nodiscard]] std::vector<std::size_t> to_answer() const { return all(true); }
    void execute(std::size_t driver);
    void answer(std::size_t driver);
    [[nodiscard]] Steady oldest() const;  // since when the longest has been open

private:
    struct Call {
        Job job;
        std::function<void()> ended;
        Steady since{};
        bool executed = false;
    };
    [[nodiscard]] std::vector<std::size_t> all(bool executed) const;
    std::vector<AnyDriver*> drivers_;
    std::vector<std::optional<Call>> open_;
    Clock const& clock_;
    Verdict& verdict_;
};

// Passes everything on, and knows which records have a row.
class WatchedLedger final : public Ledger {
public:
    WatchedLedger(Ledger& ledger, Machine const& machine, Verdict& verdict)
        : ledger_(ledger), machine_(machine), verdict_(verdict) {}
    void intend(std::span<AnyStep const> steps, std::span<std::string const> causes) override;
    void record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) override;
    std::vector<RecordState> records() override;
    void save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) override;
    std::vector<HistoryEntry> history(std::optional<Ref> const& object, std::int64_t before,
                                      std::size_t limit) override {
        return ledger_.history(object, before, limit);
    }
    [[nodiscard]] std::map<Ref, Ref> const& rows() const { return rows_; }  // and their objects

private:
    Ledger& ledger_;
    Machine const& machine_;
    Verdict& verdict_;
    std::map<Ref, Ref> rows_;
};

// From a start to the next: its end forgets all that is not stored, with calls in flight.
class Daemon {
public:
    Daemon(Objects& store, Ledger& ledger, std::vector<AnyDriver*> drivers, Machine& machine, SimulatedClock& clock,
           Log& log, Verdict& verdict);
    ~Daemon();
    Daemon(Daemon const&) = delete;
    Daemon& operator=(Daemon const&) = delete;

    Calls calls;
    WatchedLedger ledger;
    StatusCache cache;
    std::vector<std::size_t> completed;  // calls whose end the loop has not heard of yet
    Reconciler reconciler;
};

ReconcilerSettings simulated_settings();

}  // namespace genesis::simulation
