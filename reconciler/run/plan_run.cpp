// Counting down.
#include "reconciler/run/plan_run.hpp"

#include <algorithm>

namespace genesis {

PlanRun::PlanRun(Plan plan)
    : plan_(std::move(plan)),
      states_(plan_.steps.size(), State::waiting),
      unfinished_(plan_.steps.size(), 0),
      followers_(plan_.steps.size()) {
    std::map<Ref, std::size_t> index;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) index.emplace(plan_.steps[i].step.ref, i);
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        auto const& planned = plan_.steps[i];
        ++open_[planned.step.object];
        ++waiting_[planned.driver];
        for (auto const& ref : planned.step.after) {
            auto const before = index.find(ref);
            if (before == index.end()) continue;
            ++unfinished_[i];
            followers_[before->second].push_back(i);
        }
        if (planned.joins_changes)
            joining_[planned.step.ref.kind].push_back(i);
        else
            ++waiting_changes_[planned.step.ref.kind];
    }
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) may_be_ready(i);
}

void PlanRun::may_be_ready(std::size_t step) {
    if (states_[step] != State::waiting || unfinished_[step] > 0) return;
    auto const& planned = plan_.steps[step];
    auto& changes = waiting_changes_[planned.step.ref.kind];
    if (planned.joins_changes && changes > 0) return;
    states_[step] = State::ready;
    --waiting_[planned.driver];
    ready_.push_back(step);
    if (planned.joins_changes || --changes > 0) return;
    for (auto removal : joining_[planned.step.ref.kind]) may_be_ready(removal);
}

std::vector<std::size_t> PlanRun::take_ready() {
    std::sort(ready_.begin(), ready_.end());
    return std::exchange(ready_, {});
}

std::vector<PlanRun::Skipped> PlanRun::take_skipped() { return std::exchange(skipped_, {}); }

std::size_t PlanRun::open(Ref const& object) const {
    auto const it = open_.find(object);
    return it == open_.end() ? 0 : it->second;
}

bool PlanRun::waits(std::string const& driver) const {
    auto const it = waiting_.find(driver);
    return it != waiting_.end() && it->second > 0;
}

void PlanRun::close(std::size_t step) {
    if (states_[step] == State::waiting) --waiting_[plan_.steps[step].driver];
    states_[step] = State::ended;
    --open_[plan_.steps[step].step.object];
}

void PlanRun::ended(std::size_t step, bool well) {
    if (states_[step] == State::ended) return;
    close(step);
    if (!well) return skip_after(step);
    for (auto next : followers_[step]) {
        --unfinished_[next];
        may_be_ready(next);
    }
}

void PlanRun::skip_after(std::size_t step) {
    for (auto next : followers_[step]) {
        if (states_[next] != State::waiting) continue;
        skipped_.push_back({next, plan_.steps[step].step.ref});
        close(next);
        auto const& planned = plan_.steps[next];
        if (!planned.joins_changes && --waiting_changes_[planned.step.ref.kind] == 0)
            for (auto removal : joining_[planned.step.ref.kind]) may_be_ready(removal);
        skip_after(next);
    }
}

}  // namespace genesis
