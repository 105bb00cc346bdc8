// A plan in words and JSON.
#include "reconciler/plan/plan.hpp"

namespace genesis {

json::object unreachable_of(Plan const& plan) {
    json::object out;
    for (auto const& [kind, why] : plan.unreachable) out[kind] = why;
    return out;
}

json::object describe(Plan const& plan) {
    json::array steps, holds, commits;
    struct Batch {
        std::string driver, kind;
        bool removes;
        std::size_t steps = 0;
    };
    std::vector<Batch> batches;
    for (auto const& [step, cause, joins, driver] : plan.steps) {
        steps.push_back({{"verb", word_of(step.verb)},
                         {"kind", step.ref.kind},
                         {"key", step.ref.key},
                         {"object", step.object.str()},
                         {"cause", word_of(cause)},
                         {"changes", describe(step.changes)}});
        bool const removes = step.verb == Verb::remove;
        if (batches.empty() || batches.back().kind != step.ref.kind || batches.back().removes != removes)
            batches.push_back({driver, step.ref.kind, removes});
        ++batches.back().steps;
    }
    for (auto const& b : batches)
        commits.push_back(json::string(b.driver + ": one commit after " + std::to_string(b.steps) + " of " + b.kind));
    for (auto const& h : plan.holds)
        holds.push_back({{"verb", word_of(h.verb)},
                         {"kind", h.ref.kind},
                         {"key", h.ref.key},
                         {"object", h.object.kind.empty() ? "" : h.object.str()},
                         {"cause", word_of(h.cause)},
                         {"reason", word_of(h.reason)},
                         {"message", h.message},
                         {"changes", describe(h.changes)}});
    return {{"steps", std::move(steps)},
            {"holds", std::move(holds)},
            {"commits", std::move(commits)},
            {"observed_at", iso(plan.observed_at)},
            {"unreachable", unreachable_of(plan)}};
}

}  // namespace genesis
