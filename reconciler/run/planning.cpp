// From what was observed to a plan: what it is made of, and what need not be planned at all.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {
namespace {

Ref const& name_of(std::pair<Ref, Time> const& known) { return known.first; }
Ref const& name_of(RecordState const* state) { return state->ref; }

// Finds records that are asked for in their order, among others in that order, without going back.
template <class Known>
class InOrder {
public:
    explicit InOrder(std::span<Known const> all) : rest_(all) {}
    Known const* find(Ref const& record) {
        while (!rest_.empty() && name_of(rest_.front()) != record && name_of(rest_.front()) < record)
            rest_ = rest_.subspan(1);
        return rest_.empty() || name_of(rest_.front()) != record ? nullptr : &rest_.front();
    }

private:
    std::span<Known const> rest_;
};

std::span<std::pair<Ref, Time> const> at_rest_of(Reconciler::AsWanted const& as_wanted, Ref const& object) {
    auto const it = as_wanted.records.find(object);
    return it == as_wanted.records.end() ? std::span<std::pair<Ref, Time> const>() : it->second;
}

}  // namespace

// Most records are as wanted, and were so before: no plan need weigh them, and they take no room in one.
Reconciler::AsWanted Reconciler::take_as_wanted(Dirty const& scope, Desired::Overlay const& overlay,
                                                Observation& observed) const {
    AsWanted out;
    for (auto const& object : scope) {
        auto const* w = overlay.contains(object) ? nullptr : desired_.find(object);
        if (w == nullptr || !w->unallocated.empty()) continue;
        std::vector<std::pair<Ref, Time>> all;
        all.reserve(w->records.size());
        auto kind = pool_.kinds().end();
        auto hash = w->values.begin();
        InOrder own(states_.of(object));
        for (auto const& [ref, value] : w->records) {
            auto const wanted = *hash++;
            auto const* const known = own.find(ref);
            auto const since = known == nullptr ? std::nullopt : states_.at_rest_since(**known, wanted);
            if (!since || concerns_somebody(ref, observed)) continue;
            auto const found = observed.found.find(ref);
            if (found == observed.found.end()) continue;
            if (kind == pool_.kinds().end() || kind->first != ref.kind) kind = pool_.kinds().find(ref.kind);
            if (!matches(*kind->second.schema, value, found->second)) continue;
            auto node = observed.found.extract(found);
            if (kind->second.reports)
                out.reported[object].push_back({ref, kind->second.schema, std::move(node.mapped())});
            all.emplace_back(std::move(node.key()), *since);
        }
        if (!all.empty()) out.records.emplace(object, std::move(all));
    }
    return out;
}

bool Reconciler::concerns_somebody(Ref const& record, Observation const& observed) const {
    // Mostly they are all empty: an empty set is not worth the hash of a name.
    auto const among = [&](auto const& records) { return !records.empty() && records.contains(record); };
    return !observed.sees(record) || among(observed.unmanaged) || among(observed.in_progress) || among(steps_on_) ||
           among(left_) || among(moving_) || among(differing_) || among(waiters_);
}

PlanningInput Reconciler::input_for(Dirty const& scope, Desired::Overlay const& overlay, Observation observed,
                                    AsWanted const& as_wanted) const {
    PlanningInput out;
    auto const& kinds = pool_.kinds();
    out.want.reserve(observed.found.size());
    out.ours.reserve(observed.found.size());
    for (auto const& object : scope) {
        auto const* w = wants(object, overlay);
        if (w == nullptr) continue;
        out.subjects[object] = &w->subject;
        bool const changed = overlay.contains(object);
        auto const at_rest = at_rest_of(as_wanted, object);
        if (at_rest.size() == w->records.size() && at_rest.size() == states_.of(object).size()) continue;
        InOrder done(at_rest), ours(at_rest);
        for (auto const& [ref, value] : w->records) {
            if (done.find(ref) != nullptr || !kinds.contains(ref.kind)) continue;
            auto const unallocated = w->unallocated.find(ref);
            out.want[ref] = {object, &value, unallocated == w->unallocated.end() ? nullptr : &unallocated->second};
            if (auto const step = steps_on_.find(ref); step != steps_on_.end() && step->second != object)
                out.in_flight[ref] = "is still changed for " + step->second.str();
        }
        for (auto const* state : states_.of(object)) {
            auto const& ref = state->ref;
            if (ours.find(ref) != nullptr || !kinds.contains(ref.kind)) continue;
            auto const would = changed ? w->records.find(ref) : w->records.end();
            out.ours[ref] = states_.history(ref, would != w->records.end() ? would->second.hash()
                                                 : changed                 ? value_hash({})
                                                                           : desired_.value_of(ref));
        }
    }
    auto const leaves = [&](Ref const& object) { return desired_.leaving().contains(object); };
    if (std::any_of(scope.begin(), scope.end(), leaves))
        out.leaving = desired_.leaving();  // else nothing depends on it
    std::erase_if(out.leaving, [&](Ref const& object) {
        auto const* w = desired_.find(object);
        auto const ours = states_.of(object);
        return std::all_of(ours.begin(), ours.end(), [&](auto const* s) { return w->records.contains(s->ref); });
    });
    out.observed = std::move(observed);
    out.in_flight.insert(left_.begin(), left_.end());
    out.others = this;
    return out;
}

Plan Reconciler::plan_for(PlanningInput& input) const {
    return plan(input, pool_.kinds(), Policy{settings_.max_removals, paused_, clock_.now()});
}

OtherRecords::State Reconciler::state(Ref const& record) const {
    auto const* known = states_.find(record);
    auto const* owner = desired_.owner(record);
    if (owner == nullptr) return known == nullptr ? unknown : converging;
    bool const in_sync_now = !left_.contains(record) && !differing_.contains(record) &&
                             states_.in_sync_with(record, desired_.value_of(record));
    return in_sync_now ? in_sync : converging;
}

std::string Reconciler::error(Ref const& record) const {
    auto const* known = states_.find(record);
    return known == nullptr ? std::string() : known->error;
}

Ref const* Reconciler::made_for(Ref const& record) const {
    auto const* known = states_.find(record);
    return known == nullptr ? nullptr : &known->object;
}

}  // namespace genesis
