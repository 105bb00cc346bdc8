// The planner: first what to make or change, in the order of references, then what to remove, in reverse.
#include "reconciler/plan/plan.hpp"

#include <algorithm>
#include <set>

namespace genesis {
namespace {

class Planner {
public:
    Planner(PlanningInput const& input, Kinds const& kinds, Policy const& policy)
        : input_(input), kinds_(kinds), policy_(policy), order_(making_order(kinds)) {
        for (auto const& [kind, info] : kinds)
            for (auto const& to : referred_kinds(*info.schema)) referring_[to].insert(kind);
        dispositions_.reserve(input.want.size());
        for (auto const& entry : input.want) by_kind_[entry.first.kind].push_back(&entry);
        for (auto& [kind, entries] : by_kind_)
            std::sort(entries.begin(), entries.end(), [](auto const* a, auto const* b) { return a->first < b->first; });
    }

    Plan run() {
        for (auto const& kind : order_) want(kind);
        list_unwanted();
        for (auto it = order_.rbegin(); it != order_.rend(); ++it) unwanted(*it);
        order_steps();
        plan_.observed_at = policy_.now;
        plan_.unreachable = input_.observed.unreachable;
        return std::move(plan_);
    }

private:
    enum class Disposition { open, in_sync, pending, held };  // of a wanted record, or of one that is to be removed

    [[nodiscard]] RecordHistory const* history(Ref const& ref) const {
        auto it = input_.ours.find(ref);
        return it == input_.ours.end() ? nullptr : &it->second;
    }
    [[nodiscard]] Subject const& subject(Ref const& object) const { return *input_.subjects.at(object); }

    [[nodiscard]] Cause cause_of(Ref const& ref) const {
        if (adopted_.contains(ref)) return Cause::drifted;
        auto const* m = history(ref);
        if (m == nullptr || !m->was_in_sync) return Cause::never_converged;
        return m->respecified ? Cause::spec_changed : Cause::drifted;
    }

    struct Reason {
        HoldReason reason;
        std::string message;
        std::optional<Ref> waits_for{};
    };

    void hold(AnyStep const& step, Reason why) {
        dispositions_[step.ref] = Disposition::held;
        plan_.holds.push_back({step.ref, step.object, step.verb, cause_of(step.ref), why.reason, std::move(why.message),
                               step.changes, std::move(why.waits_for)});
    }

    // ---- what must be there

    void want(std::string const& kind) {
        auto const all = by_kind_.find(kind);
        if (all == by_kind_.end()) return;
        for (auto const* entry : all->second) want_one(entry->first, entry->second);
    }

    // Once for each record: a record of a kind that refers to itself comes after those it refers to.
    void want_one(Ref const& ref, Wanted const& wanted) {
        if (!dispositions_.try_emplace(ref, Disposition::open).second) return;
        auto const& info = kinds_.find(ref.kind)->second;
        if (refers_to_itself(ref.kind))
            for (auto const& to : references(*info.schema, *wanted.value))
                if (auto const other = input_.want.find(to); to.kind == ref.kind && other != input_.want.end())
                    want_one(to, other->second);
        if (wanted.unallocated == nullptr && is_as_wanted(ref, wanted, info)) {
            dispositions_[ref] = Disposition::in_sync;
            plan_.in_sync.push_back(ref);
            return;
        }
        AnyStep step{Verb::create, ref, wanted.object, *wanted.value, {}, {}, {}};
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

    [[nodiscard]] bool refers_to_itself(std::string const& kind) const {
        auto const it = referring_.find(kind);
        return it != referring_.end() && it->second.contains(kind);
    }

    // Most records are: nothing of them is copied.
    [[nodiscard]] bool is_as_wanted(Ref const& ref, Wanted const& wanted, KindInfo const& info) const {
        if (!input_.in_flight.empty() && input_.in_flight.contains(ref)) return false;
        if (!input_.observed.sees(ref)) return false;
        auto const have = found(ref);
        if (have == nullptr || !diff(*info.schema, *wanted.value, *have).empty()) return false;
        return !conflict(ref, wanted.object, info);
    }

    // Nothing can be said of what differs.
    [[nodiscard]] std::optional<Reason> unworkable(AnyStep& step, KindInfo const& info) {
        if (auto why = unobserved(step)) return why;
        if (auto message = conflict(step.ref, step.object, info)) {
            if (auto const it = input_.observed.unmanaged.find(step.ref); it != input_.observed.unmanaged.end())
                step.changes = diff(*info.schema, step.want, it->second.value);
            return Reason{HoldReason::conflict, *message};
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Reason> unobserved(AnyStep const& step) {
        std::optional<Reason> out;
        if (auto it = input_.in_flight.find(step.ref); it != input_.in_flight.end())
            out = Reason{HoldReason::in_flight, it->second};
        else if (!input_.observed.sees(step.ref))
            out = Reason{HoldReason::unseen, why_unseen(step.ref)};
        if (out) unobserved_.emplace(std::pair{step.ref.kind, step.object}, step.ref);
        return out;
    }

    // What is there stays as it is, and so does what that refers to.
    void await_allocation(AnyStep& step, Schema const& schema, std::string const& why) {
        if (auto const* have = found(step.ref)) {
            step.verb = Verb::update;
            step.have = *have;
        }
        hold(step, {HoldReason::unallocated, why});
        for (auto const& to : references(schema, step.have)) referrers_[to].insert(step.ref);
    }

    void compare(AnyStep& step, Schema const& schema) const {
        if (auto const* have = found(step.ref)) {
            step.verb = Verb::update;
            step.have = *have;
        }
        step.changes = diff(schema, step.want, step.have);
    }

    // Work on the value that is wanted now, or on the removal. Work on a former value is no reason to wait: the driver
    // ends it.
    [[nodiscard]] std::optional<Reason> under_way(AnyStep const& step, KindTraits const& traits) const {
        auto const it = input_.observed.in_progress.find(step.ref);
        if (it == input_.observed.in_progress.end()) return std::nullopt;
        auto const& work = it->second;
        bool const any = work.fingerprint.empty() && step.verb != Verb::remove;
        if (!any && work.fingerprint != fingerprint(step.want)) return std::nullopt;
        if (policy_.now - work.since <= traits.progress_limit) return Reason{HoldReason::in_progress, work.why};
        return Reason{HoldReason::overdue,
                      work.why + ": has not ended within " + std::to_string(traits.progress_limit.count()) + " s"};
    }

    [[nodiscard]] std::string why_unseen(Ref const& ref) const {
        if (auto it = input_.observed.unreachable.find(ref.kind); it != input_.observed.unreachable.end())
            return it->second;
        return input_.observed.unseen.at(ref);
    }

    [[nodiscard]] json::object const* found(Ref const& ref) const {
        if (auto it = input_.observed.found.find(ref); it != input_.observed.found.end()) return &it->second;
        if (auto it = input_.observed.unmanaged.find(ref); it != input_.observed.unmanaged.end())
            return &it->second.value;  // adopted
        return nullptr;
    }

    // Something else bears this name. Nothing when it is ours, absent, or may be adopted.
    [[nodiscard]] std::optional<std::string> conflict(Ref const& ref, Ref const& object, KindInfo const& info) const {
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
    [[nodiscard]] std::optional<Reason> postponed(AnyStep const& step) const {
        auto const& owner = subject(step.object);
        for (auto const& c : step.changes)
            if (step.verb == Verb::update && has(c.attributes, Attribute::fixed))
                return Reason{HoldReason::replacement,
                              c.path + " cannot change while it exists; remove it by hand or adopt its value"};
        if (policy_.paused || owner.paused) return Reason{HoldReason::paused, paused(step.verb)};
        auto const* m = history(step.ref);
        if (m == nullptr) return std::nullopt;
        if (m->refused) return Reason{HoldReason::refused, m->error};
        if (m->next_attempt && *m->next_attempt > policy_.now) return Reason{HoldReason::backing_off, m->error};
        return std::nullopt;
    }

    static std::string paused(Verb verb) {
        auto const* what = verb == Verb::create ? "is missing; " : verb == Verb::remove ? "should not be there; " : "";
        return what + std::string("repair is paused");
    }

    // Fills step.after; the reason where something it refers to will not be there.
    std::optional<Reason> waits(AnyStep& step, std::set<Ref> const& refers) const {
        for (auto const& ref : refers) {
            auto const known = dispositions_.find(ref);
            if (known == dispositions_.end()) {
                if (auto why = waits_for_other(ref)) return why;
            } else if (known->second == Disposition::open) {
                return Reason{HoldReason::waits, "refers to " + ref.str() + ", which refers to it"};
            } else if (known->second == Disposition::held) {
                return Reason{HoldReason::waits, "waits for " + ref.str(), ref};
            } else if (known->second == Disposition::pending) {
                step.after.insert(ref);
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Reason> waits_for_other(Ref const& ref) const {
        auto const state = input_.others == nullptr ? OtherRecords::unknown : input_.others->state(ref);
        if (state == OtherRecords::in_sync) return std::nullopt;
        if (state == OtherRecords::converging) {
            auto const error = input_.others->error(ref);
            return Reason{HoldReason::waits, "waits for " + ref.str() + (error.empty() ? "" : ": " + error), ref};
        }
        return Reason{HoldReason::waits, "refers to " + ref.str() + ", which nothing asks for", ref};
    }

    // ---- what must not be there

    void list_unwanted() {
        for (auto const& [ref, m] : input_.ours)
            if (!input_.want.contains(ref)) unwanted_[ref.kind].insert(ref);
        std::map<Ref, json::object const*> unknown;
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
    void unremembered(Ref const& ref, json::object const& value) {
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
        for (auto const& f : info.schema->fields) {
            if (f.constraint.refers_to.empty() || !has(f.attributes, Attribute::required)) continue;
            auto const* m = history({std::string(f.constraint.refers_to), std::string(value.at(f.name).as_string())});
            if (m == nullptr || !input_.subjects.contains(m->object)) continue;
            adopted_[ref] = m->object;
            unwanted_[ref.kind].insert(ref);
            return;
        }
    }

    [[nodiscard]] Ref owner_of(Ref const& ref) const {
        if (auto const* m = history(ref)) return m->object;
        return adopted_.at(ref);
    }

    void count_removals() {
        auto leaving = input_.leaving;
        for (auto const& [ref, m] : input_.ours) {
            auto const& owner = subject(m.object);
            if (ends(owner) && !owner.confirmed && !input_.want.contains(ref)) leaving.insert(m.object);
        }
        too_many_ = leaving.size() > policy_.max_removals;
        leaving_ = leaving.size();
    }
    static bool ends(Subject const& owner) { return owner.phase == Phase::terminating || owner.phase == Phase::purged; }

    void unwanted(std::string const& kind) {
        auto it = unwanted_.find(kind);
        if (it == unwanted_.end()) return;
        for (auto const& ref : it->second) remove_one(ref, kinds_.find(kind)->second);
    }

    void remove_one(Ref const& ref, KindInfo const& info) {
        AnyStep step{Verb::remove, ref, owner_of(ref), {}, {}, {}, {}};
        if (auto why = unobserved(step)) return hold(step, std::move(*why));
        auto const seen = input_.observed.found.find(ref);
        if (seen != input_.observed.found.end()) {
            step.have = seen->second;
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

    [[nodiscard]] std::optional<Reason> kept(AnyStep const& step, KindInfo const& info) const {
        auto const& owner = subject(step.object);
        if (auto reason = postponed(step)) return reason;
        if (ends(owner) && too_many_ && !owner.confirmed)
            return Reason{HoldReason::removal_limit,
                          std::to_string(leaving_) + " objects would be removed, more than " +
                              std::to_string(policy_.max_removals) + "; confirm the removals to go on"};
        if (info.traits.holds_data && owner.phase != Phase::purged && !owner.confirmed)
            return Reason{HoldReason::holds_data,
                          "is no longer asked for, but holds data; confirm the removal to delete it"};
        return std::nullopt;
    }

    // What refers to it, as observed, is removed or changed first. What was not observed may refer to it.
    std::optional<Reason> referred(AnyStep& step) const {
        if (auto const kinds = referring_.find(step.ref.kind); kinds != referring_.end())
            for (auto const& kind : kinds->second)
                if (auto by = unobserved_.find({kind, step.object}); by != unobserved_.end())
                    return Reason{HoldReason::waits, "waits for " + by->second.str() + " to be observed", by->second};
        std::set<Ref> all;
        if (auto it = referrers_.find(step.ref); it != referrers_.end()) all = it->second;
        if (auto it = hidden_.find({step.ref.kind, step.object}); it != hidden_.end())
            all.insert(it->second.begin(), it->second.end());
        for (auto const& by : all) {
            if (dispositions_.at(by) == Disposition::held)
                return Reason{
                    HoldReason::waits,
                    (input_.want.contains(by) ? "waits for the change of " : "waits for the removal of ") + by.str(),
                    by};
            step.after.insert(by);
        }
        return std::nullopt;
    }

    // ---- the order of the steps

    void order_steps() {
        for (auto const& kind : order_)
            for (auto& step : changes_[kind]) add(std::move(step));
        for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
            auto& steps = removals_[*it];
            std::reverse(steps.begin(), steps.end());  // what lies deeper goes first
            for (auto& step : steps) add(std::move(step));
        }
    }

    void add(AnyStep step) {
        auto const cause = cause_of(step.ref);
        bool const joins = step.verb == Verb::remove && !referring_.contains(step.ref.kind);
        auto driver = kinds_.find(step.ref.kind)->second.driver;
        plan_.steps.push_back({std::move(step), cause, joins, std::move(driver)});
    }

    PlanningInput const& input_;
    Kinds const& kinds_;
    Policy const& policy_;
    std::vector<std::string> order_;
    Plan plan_;
    std::map<std::string, std::vector<RefMap<Wanted>::value_type const*>> by_kind_;  // wanted, by key
    RefMap<Disposition> dispositions_;
    std::map<std::string, std::set<std::string>, std::less<>> referring_;  // by kind, the kinds that may refer to it
    std::map<std::pair<std::string, Ref>, Ref> unobserved_;                // by kind and object, one such record
    std::map<std::string, std::vector<AnyStep>> changes_, removals_;
    std::map<std::string, std::set<Ref>> unwanted_;
    std::map<Ref, Ref> adopted_;
    RefMap<std::set<Ref>> referrers_;  // by what observed records refer to, those of them that will change
    std::map<std::pair<std::string, Ref>, std::set<Ref>> hidden_;  // by kind and object, removals of what may refer to
                                                                   // such a record through a field nobody can read back
    bool too_many_ = false;
    std::size_t leaving_ = 0;
};

}  // namespace

Plan plan(PlanningInput const& input, Kinds const& kinds, Policy const& policy) {
    return Planner(input, kinds, policy).run();
}

}  // namespace genesis
