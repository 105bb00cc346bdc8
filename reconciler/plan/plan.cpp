// The planner: first what to make or change, in the order of references, then what to remove, in reverse.
#include "reconciler/plan/planner.hpp"

namespace genesis {

RecordHistory const* Planner::history(Ref const& ref) const {
    auto it = input_.ours.find(ref);
    return it == input_.ours.end() ? nullptr : &it->second;
}

Cause Planner::cause_of(Ref const& ref) const {
    if (adopted_.contains(ref)) return Cause::drifted;
    auto const* m = history(ref);
    if (m == nullptr || !m->was_in_sync) return Cause::never_converged;
    return m->respecified ? Cause::spec_changed : Cause::drifted;
}

void Planner::hold(AnyStep const& step, Reason why) {
    dispositions_[step.ref] = Disposition::held;
    plan_.holds.push_back({step.ref, step.object, step.verb, cause_of(step.ref), why.reason, std::move(why.message),
                           step.changes, std::move(why.waits_for)});
}

void Planner::want(std::string const& kind) {
    auto const all = by_kind_.find(kind);
    if (all == by_kind_.end()) return;
    for (auto const* entry : all->second) want_one(entry->first, entry->second);
}

// Once for each record: a record of a kind that refers to itself comes after those it refers to.
void Planner::want_one(Ref const& ref, Wanted const& wanted) {
    if (!dispositions_.try_emplace(ref, Disposition::open).second) return;
    auto const& info = kinds_.find(ref.kind)->second;
    if (refers_to_itself(ref.kind))
        for (auto const& to : references(*info.schema, wanted.value->unpack()))
            if (auto const other = input_.want.find(to); to.kind == ref.kind && other != input_.want.end())
                want_one(to, other->second);
    if (wanted.unallocated == nullptr && is_as_wanted(ref, wanted, info)) {
        dispositions_[ref] = Disposition::in_sync;
        plan_.in_sync.push_back(ref);
        return;
    }
    AnyStep step{Verb::create, ref, wanted.object, wanted.value->unpack(), {}, {}, {}};
    if (auto why = unworkable(step, info)) return hold(step, std::move(*why));
    if (wanted.unallocated != nullptr) return await_allocation(step, *info.schema, *wanted.unallocated);
    compare(step, *info.schema);
    auto why = under_way(step, info.traits);
    if (!why) why = postponed(step);
    if (!why) why = waits(step, references(*info.schema, step.want));
    if (why) {
        hold(step, std::move(*why));
    } else {
        dispositions_[ref] = Disposition::pending;
        changes_[ref.kind].push_back(step);
    }
    for (auto const& from : references(*info.schema, step.have)) referrers_[from].insert(ref);
}

bool Planner::refers_to_itself(std::string const& kind) const {
    auto const it = referring_.find(kind);
    return it != referring_.end() && it->second.contains(kind);
}

// Most records are: nothing of them is copied.
bool Planner::is_as_wanted(Ref const& ref, Wanted const& wanted, KindInfo const& info) const {
    if (!input_.in_flight.empty() && input_.in_flight.contains(ref)) return false;
    if (!input_.observed.sees(ref)) return false;
    auto const seen = input_.observed.found.find(ref);
    if (seen != input_.observed.found.end() && !matches(*info.schema, *wanted.value, seen->second)) return false;
    if (seen == input_.observed.found.end()) {
        auto const adopted = found(ref);
        if (!adopted || !diff(*info.schema, wanted.value->unpack(), *adopted).empty()) return false;
    }
    return !conflict(ref, wanted.object, info);
}

// Nothing can be said of what differs.
std::optional<Planner::Reason> Planner::unworkable(AnyStep& step, KindInfo const& info) {
    if (auto why = unobserved(step)) return why;
    if (auto message = conflict(step.ref, step.object, info)) {
        if (auto const it = input_.observed.unmanaged.find(step.ref); it != input_.observed.unmanaged.end())
            step.changes = diff(*info.schema, step.want, it->second.value);
        return Reason{HoldReason::conflict, *message};
    }
    return std::nullopt;
}

std::optional<Planner::Reason> Planner::unobserved(AnyStep const& step) {
    std::optional<Reason> out;
    if (auto it = input_.in_flight.find(step.ref); it != input_.in_flight.end())
        out = Reason{HoldReason::in_flight, it->second};
    else if (!input_.observed.sees(step.ref))
        out = Reason{HoldReason::unseen, why_unseen(step.ref)};
    if (out) unobserved_.emplace(std::pair{step.ref.kind, step.object}, step.ref);
    return out;
}

// What is there stays as it is, and so does what that refers to.
void Planner::await_allocation(AnyStep& step, Schema const& schema, std::string const& why) {
    if (auto have = found(step.ref)) {
        step.verb = Verb::update;
        step.have = std::move(*have);
    }
    hold(step, {HoldReason::unallocated, why});
    for (auto const& to : references(schema, step.have)) referrers_[to].insert(step.ref);
}

void Planner::compare(AnyStep& step, Schema const& schema) const {
    if (auto have = found(step.ref)) {
        step.verb = Verb::update;
        step.have = std::move(*have);
    }
    step.changes = diff(schema, step.want, step.have);
}

// Work on the value that is wanted now, or on the removal. Work on a former value is no reason to wait: the driver
// ends it.
std::optional<Planner::Reason> Planner::under_way(AnyStep const& step, KindTraits const& traits) const {
    auto const it = input_.observed.in_progress.find(step.ref);
    if (it == input_.observed.in_progress.end()) return std::nullopt;
    auto const& work = it->second;
    bool const any = work.fingerprint.empty() && step.verb != Verb::remove;
    if (!any && work.fingerprint != fingerprint(step.want)) return std::nullopt;
    if (policy_.now - work.since <= traits.progress_limit) return Reason{HoldReason::in_progress, work.why};
    return Reason{HoldReason::overdue,
                  work.why + ": has not ended within " + std::to_string(traits.progress_limit.count()) + " s"};
}

std::string Planner::why_unseen(Ref const& ref) const {
    if (auto it = input_.observed.unreachable.find(ref.kind); it != input_.observed.unreachable.end())
        return it->second;
    return input_.observed.unseen.at(ref);
}

std::optional<json::object> Planner::found(Ref const& ref) const {
    if (auto it = input_.observed.found.find(ref); it != input_.observed.found.end()) return it->second.unpack();
    if (auto it = input_.observed.unmanaged.find(ref); it != input_.observed.unmanaged.end())
        return it->second.value;  // adopted
    return std::nullopt;
}

// Something else bears this name. Nothing when it is ours, absent, or may be adopted.
std::optional<std::string> Planner::conflict(Ref const& ref, Ref const& object, KindInfo const& info) const {
    if (auto it = input_.observed.unmanaged.find(ref); it != input_.observed.unmanaged.end()) {
        if (subject(object).adopt) return std::nullopt;
        return it->second.why;
    }
    bool const unknown = info.traits.ownership == Ownership::journalled && history(ref) == nullptr &&
                         input_.observed.found.contains(ref);
    if (unknown && !subject(object).adopt)
        return "is there already and was not made by Genesis; adopt the account to take it over";
    return std::nullopt;
}

// Reasons that lie in the record itself, not in what it refers to.
std::optional<Planner::Reason> Planner::postponed(AnyStep const& step) const {
    auto const& owner = subject(step.object);
    for (auto const& c : step.changes)
        if (step.verb == Verb::update && has(c.attributes, Attribute::fixed))
            return Reason{
                HoldReason::replacement,
                c.path +
                    " cannot change while it exists; set it back by hand, or remove it by hand and it is made again"};
    if (policy_.paused || owner.paused) return Reason{HoldReason::paused, paused(step.verb)};
    auto const* m = history(step.ref);
    if (m == nullptr) return std::nullopt;
    if (m->refused) return Reason{HoldReason::refused, m->error};
    if (m->next_attempt && *m->next_attempt > policy_.now) return Reason{HoldReason::backing_off, m->error};
    return std::nullopt;
}

std::string Planner::paused(Verb verb) {
    auto const* what = verb == Verb::create ? "is missing; " : verb == Verb::remove ? "should not be there; " : "";
    return what + std::string("repair is paused");
}

// Fills step.after; the reason where something it refers to will not be there.
std::optional<Planner::Reason> Planner::waits(AnyStep& step, std::set<Ref> const& refers) const {
    for (auto const& ref : refers) {
        auto const known = dispositions_.find(ref);
        if (known == dispositions_.end()) {
            if (auto why = waits_for_other(ref)) return why;
        } else if (known->second == Disposition::open) {
            return Reason{HoldReason::waits,
                          ref == step.ref ? "refers to itself" : "is in a circle of references with " + ref.str()};
        } else if (known->second == Disposition::held) {
            auto const why = input_.observed.sees(ref) ? "" : ": " + why_unseen(ref);
            return Reason{HoldReason::waits, "waits for " + ref.str() + why, ref};
        } else if (known->second == Disposition::pending) {
            step.after.insert(ref);
        }
    }
    return std::nullopt;
}

std::optional<Planner::Reason> Planner::waits_for_other(Ref const& ref) const {
    auto const state = input_.others == nullptr ? OtherRecords::unknown : input_.others->state(ref);
    if (state == OtherRecords::in_sync) return std::nullopt;
    if (state == OtherRecords::converging) {
        auto const error = input_.others->error(ref);
        return Reason{HoldReason::waits, "waits for " + ref.str() + (error.empty() ? "" : ": " + error), ref};
    }
    return Reason{HoldReason::waits, "refers to " + ref.str() + ", which nothing asks for", ref};
}

void Planner::order_steps() {
    for (auto const& kind : order_)
        for (auto& step : changes_[kind]) add(std::move(step));
    for (auto it = order_.rbegin(); it != order_.rend(); ++it)
        for (auto& step : removals_[*it]) add(std::move(step));
}

void Planner::add(AnyStep step) {
    auto const cause = cause_of(step.ref);
    bool const joins = step.verb == Verb::remove && !referring_.contains(step.ref.kind);
    auto driver = kinds_.find(step.ref.kind)->second.driver;
    plan_.steps.push_back({std::move(step), cause, joins, std::move(driver)});
}

Plan plan(PlanningInput const& input, Kinds const& kinds, Policy const& policy) {
    return Planner(input, kinds, policy).run();
}

}  // namespace genesis
