// The progress of one plan: which of its steps can be taken now, and which no longer can.
#pragma once
#include "reconciler/plan/plan.hpp"

#include <map>
#include <vector>

namespace genesis {

class PlanRun {
public:
    explicit PlanRun(Plan plan);

    [[nodiscard]] Plan const& plan() const { return plan_; }
    [[nodiscard]] PlannedStep const& at(std::size_t step) const { return plan_.steps[step]; }
    // Steps that have become free to be taken since the last call, in the plan's order.
    std::vector<std::size_t> take_ready();

    struct Skipped {
        std::size_t step;
        Ref after;  // the record that it comes after
    };
    // A step has ended, well or not, or is left to a driver that is late. What comes after one that did not end well is
    // skipped; each step ends or is skipped once.
    void ended(std::size_t step, bool well);
    std::vector<Skipped> take_skipped();

    // Whether steps of the driver can not be taken yet, but may be later.
    [[nodiscard]] bool waits(std::string const& driver) const;
    // Steps of the object that have neither ended nor been skipped.
    [[nodiscard]] std::size_t open(Ref const& object) const;

private:
    enum class State { waiting, ready, ended };
    void close(std::size_t step);
    void may_be_ready(std::size_t step);
    void skip_after(std::size_t step);

    Plan plan_;
    std::vector<State> states_;
    std::vector<std::size_t> unfinished_;                      // by step, how many that it comes after have not ended
    std::vector<std::vector<std::size_t>> followers_;          // by step, those that come after it
    std::map<std::string, std::size_t> waiting_changes_;       // by kind, changes that cannot be taken yet
    std::map<std::string, std::vector<std::size_t>> joining_;  // by kind, removals that wait for those
    std::map<std::string, std::size_t> waiting_;               // by driver
    std::map<Ref, std::size_t> open_;
    std::vector<std::size_t> ready_;
    std::vector<Skipped> skipped_;
};

}  // namespace genesis
