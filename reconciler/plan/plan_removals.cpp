// What must not be there: found and no longer wanted, removed after all that refers to it.
#include "reconciler/plan/planner.hpp"

namespace genesis {

void Planner::list_unwanted() {
    for (auto const& [ref, m] : input_.ours)
        if (!input_.want.contains(ref)) unwanted_[ref.kind].insert(ref);
    std::map<Ref, Packed const*> unknown;
    for (auto const& [ref, value] : input_.observed.found) {
        if (input_.want.contains(ref) || input_.ours.contains(ref)) continue;
        if (input_.others == nullptr || input_.others->state(ref) == OtherRecords::unknown)
            unknown.emplace(ref, &value);
    }
    for (auto const& [ref, value] : unknown) unremembered(ref, *value);
    count_removals();
}

// Found, not wanted, not remembered. What cannot be without a record of ours is ours (a grant to our user); with a
// marker alone it is an orphan.
void Planner::unremembered(Ref const& ref, Packed const& packed) {
    auto const& info = kinds_.find(ref.kind)->second;
    if (info.traits.ownership == Ownership::marked) {
        plan_.holds.push_back({ref,
                               {},
                               Verb::remove,
                               Cause::drifted,
                               HoldReason::orphan,
                               "bears our marker, but no object asks for it; it is left alone",
                               {}});
        return;
    }
    auto const value = packed.unpack();
    for (auto const& f : info.schema->fields) {
        if (f.constraint.refers_to.empty() || !has(f.attributes, Attribute::required)) continue;
        auto const* key = value.if_contains(f.name);
        if (key == nullptr || !key->is_string()) continue;  // of a list none alone says whose it is
        auto const* object = made_for({std::string(f.constraint.refers_to), std::string(key->get_string())});
        if (object == nullptr || !input_.subjects.contains(*object)) continue;
        adopted_[ref] = *object;
        unwanted_[ref.kind].insert(ref);
        return;
    }
}

Ref const* Planner::made_for(Ref const& ref) const {
    if (auto const* m = history(ref)) return &m->object;
    return input_.others == nullptr ? nullptr : input_.others->made_for(ref);
}

Ref Planner::owner_of(Ref const& ref) const {
    if (auto const* m = history(ref)) return m->object;
    return adopted_.at(ref);
}

void Planner::count_removals() {
    auto leaving = input_.leaving;
    for (auto const& [ref, m] : input_.ours) {
        auto const& owner = subject(m.object);
        if (ends(owner) && !owner.confirmed && !input_.want.contains(ref)) leaving.insert(m.object);
    }
    too_many_ = leaving.size() > policy_.max_removals;
    leaving_ = leaving.size();
}

void Planner::unwanted(std::string const& kind) {
    auto it = unwanted_.find(kind);
    if (it == unwanted_.end()) return;
    auto const& info = kinds_.find(kind)->second;
    if (refers_to_itself(kind)) return remove_in_turn(it->second, info);
    for (auto const& ref : it->second) remove_one(ref, info);
    auto& steps = removals_[kind];
    std::reverse(steps.begin(), steps.end());  // what lies deeper goes first
}

// Of a kind that refers to itself. One that could not be observed may refer to any of the others: it is held before
// they are decided on.
void Planner::remove_in_turn(std::set<Ref> const& all, KindInfo const& info) {
    for (auto const& ref : all) {
        bool const seen = input_.observed.sees(ref) && !input_.in_flight.contains(ref);
        if (auto const found = input_.observed.found.find(ref); seen && found != input_.observed.found.end())
            for (auto const& to : references(*info.schema, found->second.unpack()))
                if (to != ref) referrers_[to].insert(ref);
        if (seen) continue;
        remove_one(ref, info);  // is held
    }
    for (auto const& ref : all) remove_after_referrers(ref, info);
}

// Once for each record.
void Planner::remove_after_referrers(Ref const& ref, KindInfo const& info) {
    if (!dispositions_.try_emplace(ref, Disposition::open).second) return;
    if (auto const it = referrers_.find(ref); it != referrers_.end())
        for (auto const& by : std::set<Ref>(it->second))
            if (by.kind == ref.kind) remove_after_referrers(by, info);
    remove_one(ref, info);
}

void Planner::remove_one(Ref const& ref, KindInfo const& info) {
    AnyStep step{Verb::remove, ref, owner_of(ref), {}, {}, {}, {}};
    if (auto why = unobserved(step)) return hold(step, std::move(*why));
    auto const seen = input_.observed.found.find(ref);
    if (seen != input_.observed.found.end()) {
        step.have = seen->second.unpack();
    } else if (input_.observed.in_progress.contains(ref)) {
        step.have = {{info.schema->key()->name, ref.key}};  // the driver ends the work
    } else {
        plan_.gone.push_back(ref);
        return;
    }
    if (adopted_.contains(ref)) step.changes = diff(*info.schema, {}, step.have);  // nobody else knows what it is
    auto why = under_way(step, info.traits);
    if (!why) why = kept(step, info);
    if (!why) why = referred(step);
    dispositions_[ref] = why ? Disposition::held : Disposition::pending;
    if (why) hold(step, std::move(*why));
    for (auto const& to : references(*info.schema, step.have)) referrers_[to].insert(ref);
    for (auto const& f : info.schema->fields)
        if (!f.constraint.refers_to.empty() && has(f.attributes, Attribute::write_only))
            hidden_[{std::string(f.constraint.refers_to), step.object}].insert(ref);
    if (dispositions_[ref] == Disposition::pending) removals_[ref.kind].push_back(std::move(step));
}

std::optional<Planner::Reason> Planner::kept(AnyStep const& step, KindInfo const& info) const {
    auto const& owner = subject(step.object);
    if (auto reason = postponed(step)) return reason;
    if (ends(owner) && too_many_ && !owner.confirmed)
        return Reason{HoldReason::removal_limit, std::to_string(leaving_) + " objects would be removed, more than " +
                                                     std::to_string(policy_.max_removals) +
                                                     "; confirm the removals to go on"};
    if (info.traits.holds_data && owner.phase != Phase::purged && !owner.confirmed)
        return Reason{HoldReason::holds_data,
                      "is no longer asked for, but holds data; confirm the removal to delete it"};
    return std::nullopt;
}

// What refers to it, as observed, is removed or changed first. What was not observed may refer to it.
std::optional<Planner::Reason> Planner::referred(AnyStep& step) const {
    if (auto const kinds = referring_.find(step.ref.kind); kinds != referring_.end())
        for (auto const& kind : kinds->second)
            if (auto by = unobserved_.find({kind, step.object}); by != unobserved_.end())
                return Reason{HoldReason::waits, "waits for " + by->second.str() + " to be observed", by->second};
    std::set<Ref> all;
    if (auto it = referrers_.find(step.ref); it != referrers_.end()) all = it->second;
    if (auto it = hidden_.find({step.ref.kind, step.object}); it != hidden_.end())
        all.insert(it->second.begin(), it->second.end());
    for (auto const& by : all) {
        auto const known = dispositions_.at(by);
        if (known == Disposition::open)
            return Reason{HoldReason::waits, "is in a circle of references with " + by.str()};
        if (known == Disposition::held)
            return Reason{
                HoldReason::waits,
                (input_.want.contains(by) ? "waits for the change of " : "waits for the removal of ") + by.str(), by};
        step.after.insert(by);
    }
    return std::nullopt;
}

}  // namespace genesis
