// The only caller of observe(), apply() and commit().
#include "reconciler/run/batch_run.hpp"

#include <algorithm>

namespace genesis {
namespace {

bool has_failed(Outcome const& outcome) { return outcome.how == Outcome::retry || outcome.how == Outcome::terminal; }

std::vector<Outcome> all(std::size_t n, Outcome::How how, std::string const& why) {
    return std::vector<Outcome>(n, Outcome{how, why});
}

std::vector<Outcome> applied(AnyDriver& driver, std::span<AnyStep const> steps, Context& context) try {
    auto outcomes = driver.apply(steps, context);
    if (outcomes.size() == steps.size()) return outcomes;
    return all(steps.size(), Outcome::retry, "the driver answered for " + std::to_string(outcomes.size()) + " steps");
} catch (std::exception const& error) {
    return all(steps.size(), Outcome::retry, error.what());
}

// Kind by kind. What the time of the batch does not reach is not begun, and has not failed.
void apply_all(AnyDriver& driver, BatchRun& batch, Context& context) {
    for (std::size_t from = 0; from < batch.steps.size();) {
        auto to = from;
        while (to < batch.steps.size() && batch.steps[to].ref.kind == batch.steps[from].ref.kind) ++to;
        auto outcomes = from > 0 && context.is_over()
                            ? std::vector<Outcome>(to - from, not_begun())
                            : applied(driver, std::span(batch.steps).subspan(from, to - from), context);
        batch.outcomes.insert(batch.outcomes.end(), outcomes.begin(), outcomes.end());
        from = to;
    }
}

void commit(AnyDriver& driver, BatchRun& batch, Context& context) try {
    auto settled = driver.commit(context);
    std::map<Ref, Outcome> records(settled.records.begin(), settled.records.end());
    for (std::size_t i = 0; i < batch.steps.size(); ++i) {
        auto& outcome = batch.outcomes[i];
        if (outcome.how != Outcome::done) continue;
        if (auto it = records.find(batch.steps[i].ref); it != records.end())
            outcome = it->second;
        else if (settled.overall.how != Outcome::done)
            outcome = settled.overall;
    }
    for (auto const& step : batch.steps) records.erase(step.ref);
    for (auto const* schema : driver.kinds())
        for (auto& [ref, outcome] : records)
            if (ref.kind == schema->kind && has_failed(outcome)) batch.elsewhere.emplace_back(ref, outcome);
    if (settled.overall.how != Outcome::done) batch.fault = settled.overall.why;
} catch (std::exception const& error) {
    batch.fault = error.what();
    for (auto& outcome : batch.outcomes)
        if (outcome.how == Outcome::done) outcome = {Outcome::retry, batch.fault};
}

}  // namespace

void run_batch(AnyDriver& driver, BatchRun& batch, Journal& journal, Context& context) try {
    journal.intend(batch.steps, batch.causes);
    apply_all(driver, batch, context);
    commit(driver, batch, context);
    journal.record(batch.steps, batch.outcomes);
} catch (std::exception const& error) {  // the journal itself: nothing may be done that is not written down first
    batch.fault = error.what();
    batch.outcomes = all(batch.steps.size(), Outcome::retry, batch.fault);
}

Observation run_observation(AnyDriver& driver, std::map<std::string, Scope> const& scopes, Context& context) {
    Observation out;
    for (auto const& [kind, scope] : scopes) try {
            out.merge(driver.observe(kind, scope, context));
        } catch (std::exception const& error) {
            out.unreachable[kind] = error.what();
        }
    return out;
}

}  // namespace genesis
