// The planner: first what to make or change, in the order of references, then what to remove, in reverse.
#include "reconciler/plan/plan.hpp"

#include <algorithm>
#include <set>

namespace genesis {
namespace {

class Planner {
public:
    Planner(World const& world, Kinds const& kinds, Policy const& policy)
        : world_(world), kinds_(kinds), policy_(policy), order_(making_order(kinds)) {}

    Plan run() {
        for (auto const& kind : order_) want(kind);
        list_unwanted();
        for (auto it = order_.rbegin(); it != order_.rend(); ++it) unwanted(*it);
        batches();
        return std::move(plan_);
    }

private:
    struct Fate {  // of a record that is wanted
        enum { sound, pending, held } how = sound;
    };

    [[nodiscard]] Memory const* memory(Ref const& ref) const {
        auto it = world_.ours.find(ref);
        return it == world_.ours.end() ? nullptr : &it->second;
    }
    [[nodiscard]] Subject const& subject(Ref const& object) const { return *world_.subjects.at(object); }

    [[nodiscard]] Cause cause_of(Ref const& ref, Ref const& object) const {
        if (adopted_strays_.contains(ref)) return Cause::drifted;
        auto const* m = memory(ref);
        if (m == nullptr || m->in_sync_generation == 0) return Cause::never_converged;
        bool const respecified = m->in_sync_generation < subject(object).generation || world_.respecified.contains(ref);
        return respecified ? Cause::spec_changed : Cause::drifted;
    }

    void hold(AnyStep const& step, std::string reason, std::string message) {
        fates_[step.ref] = {Fate::held};
        plan_.holds.push_back({step.ref, step.object, step.verb, cause_of(step.ref, step.object), std::move(reason),
                               std::move(message), step.changes});
    }

    // ---- what must be there

    void want(std::string const& kind) {
        for (auto it = world_.want.lower_bound(Ref{kind, ""}); it != world_.want.end() && it->first.kind == kind; ++it)
            want_one(it->first, it->second);
    }

    void want_one(Ref const& ref, Wanted const& wanted) {
        auto const& info = kinds_.find(ref.kind)->second;
        AnyStep step{Verb::create, ref, wanted.object, *wanted.value, {}, {}, {}};
        if (!world_.look.sees(ref)) return hold(step, "unseen", why_unseen(ref));
        if (auto message = conflict(step, info)) return hold(step, "conflict", *message);
        if (auto const* have = found(ref)) {
            step.verb = Verb::update;
            step.have = *have;
            step.changes = diff(*info.schema, step.want, step.have);
            if (step.changes.empty()) {
                plan_.in_sync.push_back(ref);
                return;
            }
        } else {
            step.changes = diff(*info.schema, step.want, json::object());
        }
        if (auto reason = postponed(step)) return hold(step, reason->first, reason->second);
        if (auto waits = depends(step, *info.schema)) return hold(step, "waits", *waits);
        fates_[ref] = {Fate::pending};
        ups_[ref.kind].push_back(std::move(step));
    }

    [[nodiscard]] std::string why_unseen(Ref const& ref) const {
        auto it = world_.look.blind.find(ref.kind);
        return it != world_.look.blind.end() ? it->second : "could not be looked at this time";
    }

    [[nodiscard]] json::object const* found(Ref const& ref) const {
        if (auto it = world_.look.found.find(ref); it != world_.look.found.end()) return &it->second;
        if (auto it = world_.look.foreign.find(ref); it != world_.look.foreign.end())
            return &it->second.value;  // adopted
        return nullptr;
    }

    // Something else bears this name. Nothing when it is ours, absent, or may be adopted.
    std::optional<std::string> conflict(AnyStep& step, KindInfo const& info) const {
        if (auto it = world_.look.foreign.find(step.ref); it != world_.look.foreign.end()) {
            if (subject(step.object).adopt) return std::nullopt;
            step.changes = diff(*info.schema, step.want, it->second.value);
            return it->second.why;
        }
        bool unknown = memory(step.ref) == nullptr && world_.look.found.contains(step.ref);
        if (info.traits.ownership == Ownership::journalled && unknown && !subject(step.object).adopt)
            return "is there already and was not made by Genesis; adopt the account to take it over";
        return std::nullopt;
    }

    // Reasons that lie in the record itself, not in what it refers to.
    [[nodiscard]] std::optional<std::pair<std::string, std::string>> postponed(AnyStep const& step) const {
        auto const& owner = subject(step.object);
        for (auto const& c : step.changes)
            if (step.verb == Verb::update && has(c.marks, Mark::fixed))
                return std::pair{"replacement",
                                 c.path + " cannot change while it exists; remove it by hand or adopt its value"};
        if (policy_.paused || owner.paused) return std::pair{"paused", paused(step.verb)};
        auto const* m = memory(step.ref);
        if (m == nullptr) return std::nullopt;
        if (m->refused_generation == owner.generation) return std::pair{"refused", m->error};
        if (m->next_attempt && *m->next_attempt > policy_.now) return std::pair{"backing_off", m->error};
        return std::nullopt;
    }

    static std::string paused(Verb verb) {
        auto const* what = verb == Verb::create ? "is missing; " : verb == Verb::remove ? "should not be there; " : "";
        return what + std::string("repair is paused");
    }

    // Fills step.after; says what it waits for when something it refers to will not be there.
    std::optional<std::string> depends(AnyStep& step, Schema const& schema) const {
        for (auto const& ref : references(schema, step.want)) {
            auto fate = fates_.find(ref);
            if (fate == fates_.end()) {
                if (!world_.want.contains(ref)) return "refers to " + ref.str() + ", which nothing asks for";
                continue;  // in sync
            }
            if (fate->second.how == Fate::held) return "waits for " + ref.str();
            if (fate->second.how == Fate::pending) step.after.insert(ref);
        }
        return std::nullopt;
    }

    // ---- what must not be there

    void list_unwanted() {
        for (auto const& [ref, m] : world_.ours)
            if (!world_.want.contains(ref)) unwanted_[ref.kind].insert(ref);
        for (auto const& [ref, value] : world_.look.found) {
            if (world_.want.contains(ref) || world_.ours.contains(ref)) continue;
            stray(ref, value);
        }
        count_removals();
    }

    // Found, not wanted, not remembered. What cannot be without a record of ours is ours (a grant to our user); with a
    // marker alone it is an orphan.
    void stray(Ref const& ref, json::object const& value) {
        auto const& info = kinds_.find(ref.kind)->second;
        if (info.traits.ownership == Ownership::marked) {
            plan_.holds.push_back({ref,
                                   {},
                                   Verb::remove,
                                   Cause::drifted,
                                   "orphan",
                                   "bears our marker, but no object asks for it; it is left alone",
                                   {}});
            return;
        }
        for (auto const& f : info.schema->fields) {
            if (f.rule.refers_to.empty() || !has(f.marks, Mark::required)) continue;
            auto const* m = memory({std::string(f.rule.refers_to), std::string(value.at(f.name).as_string())});
            if (m == nullptr || !world_.subjects.contains(m->object)) continue;
            adopted_strays_[ref] = m->object;
            unwanted_[ref.kind].insert(ref);
            return;
        }
    }

    [[nodiscard]] Ref owner_of(Ref const& ref) const {
        if (auto const* m = memory(ref)) return m->object;
        return adopted_strays_.at(ref);
    }

    void count_removals() {
        auto leaving = world_.leaving;
        for (auto const& [ref, m] : world_.ours) {
            auto const& owner = subject(m.object);
            bool ends = owner.phase == Phase::terminating || owner.phase == Phase::purged;
            if (ends && !owner.confirmed && !world_.want.contains(ref)) leaving.insert(m.object);
        }
        too_many_ = leaving.size() > policy_.max_removals;
        leaving_ = leaving.size();
    }

    void unwanted(std::string const& kind) {
        auto it = unwanted_.find(kind);
        if (it == unwanted_.end()) return;
        for (auto const& ref : it->second) remove_one(ref, kinds_.find(kind)->second);
    }

    void remove_one(Ref const& ref, KindInfo const& info) {
        AnyStep step{Verb::remove, ref, owner_of(ref), {}, {}, {}, {}};
        if (!world_.look.sees(ref)) return hold(step, "unseen", why_unseen(ref));
        auto const seen = world_.look.found.find(ref);
        if (seen == world_.look.found.end()) {
            plan_.gone.push_back(ref);
            return;
        }
        step.have = seen->second;
        if (adopted_strays_.contains(ref))
            step.changes = diff(*info.schema, {}, step.have);  // nobody else knows what it is
        if (auto reason = kept(step, info)) {
            hold(step, reason->first, reason->second);
        } else if (auto waits = referred(step)) {
            hold(step, "waits", *waits);
        } else {
            fates_[ref] = {Fate::pending};
        }
        for (auto const& to : references(*info.schema, step.have)) referrers_[to].push_back(ref);
        if (fates_[ref].how == Fate::pending) downs_[ref.kind].push_back(std::move(step));
    }

    [[nodiscard]] std::optional<std::pair<std::string, std::string>> kept(AnyStep const& step,
                                                                          KindInfo const& info) const {
        auto const& owner = subject(step.object);
        if (auto reason = postponed(step)) return reason;
        bool ends = owner.phase == Phase::terminating || owner.phase == Phase::purged;
        if (ends && too_many_ && !owner.confirmed)
            return std::pair{"removal_limit", std::to_string(leaving_) + " objects would be removed, more than " +
                                                  std::to_string(policy_.max_removals) +
                                                  "; confirm the removals to go on"};
        if (info.traits.holds_data && owner.phase != Phase::purged && !owner.confirmed)
            return std::pair{"holds_data", "is no longer asked for, but holds data; confirm the removal to delete it"};
        return std::nullopt;
    }

    std::optional<std::string> referred(AnyStep& step) const {
        auto it = referrers_.find(step.ref);
        if (it == referrers_.end()) return std::nullopt;
        for (auto const& by : it->second) {
            if (fates_.at(by).how == Fate::held) return "waits for the removal of " + by.str();
            step.after.insert(by);
        }
        return std::nullopt;
    }

    // ---- the graph of batches

    [[nodiscard]] std::set<std::string> referring_kinds(std::string_view to) const {
        std::set<std::string> out;
        for (auto const& [kind, info] : kinds_)
            for (auto const& f : info.schema->fields)
                if (f.rule.refers_to == to && kind != to) out.insert(kind);
        return out;
    }

    // A kind nothing refers to changes and removes in one batch, so that a name can move from one record to another in
    // one reload. Others are removed after everything that refers to them has changed.
    void batches() {
        std::map<std::string, std::size_t> made, removed;
        for (auto const& kind : order_) {
            auto steps = std::move(ups_[kind]);
            if (referring_kinds(kind).empty()) {
                auto& downs = downs_[kind];
                steps.insert(steps.begin(), std::make_move_iterator(downs.begin()),
                             std::make_move_iterator(downs.end()));
                downs.clear();
            }
            if (steps.empty()) continue;
            std::vector<std::size_t> after;
            for (auto const& [other, index] : made)
                if (referring_kinds(other).contains(kind)) after.push_back(index);
            made[kind] = add(kind, std::move(steps), std::move(after));
        }
        for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
            auto& steps = downs_[*it];
            if (steps.empty()) continue;
            std::reverse(steps.begin(), steps.end());  // what lies deeper goes first
            std::vector<std::size_t> after;
            if (made.contains(*it)) after.push_back(made[*it]);
            for (auto const& other : referring_kinds(*it)) {
                if (made.contains(other)) after.push_back(made[other]);
                if (removed.contains(other)) after.push_back(removed[other]);
            }
            removed[*it] = add(*it, std::move(steps), std::move(after));
        }
    }

    std::size_t add(std::string const& kind, std::vector<AnyStep> steps, std::vector<std::size_t> after) {
        std::vector<std::string> causes;
        for (auto const& s : steps) causes.emplace_back(word_of(cause_of(s.ref, s.object)));
        plan_.batches.push_back(
            {kind, kinds_.find(kind)->second.driver, std::move(steps), std::move(causes), std::move(after)});
        return plan_.batches.size() - 1;
    }

    World const& world_;
    Kinds const& kinds_;
    Policy const& policy_;
    std::vector<std::string> order_;
    Plan plan_;
    std::map<Ref, Fate> fates_;  // wanted records that are not in sync, and records to be removed
    std::map<std::string, std::vector<AnyStep>> ups_, downs_;
    std::map<std::string, std::set<Ref>> unwanted_;
    std::map<Ref, Ref> adopted_strays_;
    std::map<Ref, std::vector<Ref>> referrers_;
    bool too_many_ = false;
    std::size_t leaving_ = 0;
};

}  // namespace

Plan plan(World const& world, Kinds const& kinds, Policy const& policy) { return Planner(world, kinds, policy).run(); }

}  // namespace genesis
