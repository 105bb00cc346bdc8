// From what was observed to a plan: what it is made of, and what need not be planned at all.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {
namespace {

// Says of records that come in their order whether they are among those of an object that are as wanted.
class Among {
public:
    Among(Reconciler::AsWanted const& as_wanted, Ref const& object) {
        auto const it = as_wanted.find(object);
        if (it != as_wanted.end()) at_ = it->second.begin(), end_ = it->second.end();
    }
    [[nodiscard]] bool all(std::size_t records) const { return records == static_cast<std::size_t>(end_ - at_); }
    bool has(Ref const& record) {
        while (at_ != end_ && at_->first != record && at_->first < record) ++at_;
        if (at_ == end_ || at_->first != record) return false;
        ++at_;
        return true;
    }

private:
    std::vector<std::pair<Ref, Time>>::const_iterator at_{}, end_{};
};

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
        for (auto const& [ref, value] : w->records) {
            auto const wanted = *hash++;
            auto const found = observed.found.find(ref);
            if (found == observed.found.end() || concerns_somebody(ref, observed)) continue;
            if (kind == pool_.kinds().end() || kind->first != ref.kind) kind = pool_.kinds().find(ref.kind);
            auto const since = states_.at_rest_since(ref, object, wanted);
            if (!since || kind->second.reports || !matches(*kind->second.schema, value, found->second)) continue;
            all.emplace_back(std::move(observed.found.extract(found).key()), *since);
        }
        if (!all.empty()) out.emplace(object, std::move(all));
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
        Among done(as_wanted, object), ours(as_wanted, object);
        if (done.all(w->records.size()) && ours.all(states_.of(object).size())) continue;
        for (auto const& [ref, value] : w->records) {
            if (done.has(ref) || !kinds.contains(ref.kind)) continue;
            auto const unallocated = w->unallocated.find(ref);
            out.want[ref] = {object, &value, unallocated == w->unallocated.end() ? nullptr : &unallocated->second};
            if (auto const step = steps_on_.find(ref); step != steps_on_.end() && step->second != object)
                out.in_flight[ref] = "is still changed for " + step->second.str();
        }
        for (auto const& ref : states_.of(object)) {
            if (ours.has(ref) || !kinds.contains(ref.kind)) continue;
            auto const would = changed ? w->records.find(ref) : w->records.end();
            out.ours[ref] = states_.history(ref, would != w->records.end() ? would->second.hash()
                                                 : changed                 ? value_hash({})
                                                                           : desired_.value_of(ref));
        }
    }
    out.leaving = desired_.leaving();
    std::erase_if(out.leaving, [&](Ref const& object) {
        auto const* w = desired_.find(object);
        auto const& ours = states_.of(object);
        return std::all_of(ours.begin(), ours.end(), [&](Ref const& ref) { return w->records.contains(ref); });
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
