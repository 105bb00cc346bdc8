// A plan in words and JSON.
#include "reconciler/plan/plan.hpp"

namespace genesis {

std::string_view word_of(Cause cause) {
    switch (cause) {
        case Cause::never_converged:
            return "never_converged";
        case Cause::spec_changed:
            return "spec_changed";
        case Cause::drifted:
            return "drifted";
    }
    return {};
}

json::object describe(Plan const& plan) {
    json::array steps, holds, settles;
    for (auto const& batch : plan.batches) {
        for (std::size_t i = 0; i < batch.steps.size(); ++i) {
            auto const& s = batch.steps[i];
            steps.push_back({{"verb", word_of(s.verb)},
                             {"kind", s.ref.kind},
                             {"key", s.ref.key},
                             {"object", s.object.str()},
                             {"cause", batch.causes[i]},
                             {"changes", describe(s.changes)}});
        }
        settles.push_back(json::string(batch.driver + ": one settle after " + std::to_string(batch.steps.size()) +
                                       " of " + batch.kind));
    }
    for (auto const& h : plan.holds)
        holds.push_back({{"verb", word_of(h.verb)},
                         {"kind", h.ref.kind},
                         {"key", h.ref.key},
                         {"object", h.object.kind.empty() ? "" : h.object.str()},
                         {"cause", word_of(h.cause)},
                         {"reason", h.reason},
                         {"message", h.message},
                         {"changes", describe(h.changes)}});
    return {{"steps", std::move(steps)}, {"holds", std::move(holds)}, {"settles", std::move(settles)}};
}

}  // namespace genesis
