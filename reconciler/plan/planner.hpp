// The planner's insides: one object for one plan.
#pragma once
#include "reconciler/plan/plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace genesis {

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

    [[nodiscard]] RecordHistory const* history(Ref const& ref) const;
    [[nodiscard]] Subject const& subject(Ref const& object) const { return *input_.subjects.at(object); }

    [[nodiscard]] Cause cause_of(Ref const& ref) const;

    struct Reason {
        HoldReason reason;
        std::string message;
        std::optional<Ref> waits_for{};
    };

    void hold(AnyStep const& step, Reason why);

    // ---- what must be there
    void want(std::string const& kind);
    void want_one(Ref const& ref, Wanted const& wanted);
    [[nodiscard]] bool refers_to_itself(std::string const& kind) const;
    [[nodiscard]] bool is_as_wanted(Ref const& ref, Wanted const& wanted, KindInfo const& info) const;
    [[nodiscard]] std::optional<Reason> unworkable(AnyStep& step, KindInfo const& info);
    [[nodiscard]] std::optional<Reason> unobserved(AnyStep const& step);
    void await_allocation(AnyStep& step, Schema const& schema, std::string const& why);
    void compare(AnyStep& step, Schema const& schema) const;
    [[nodiscard]] std::optional<Reason> under_way(AnyStep const& step, KindTraits const& traits) const;
    [[nodiscard]] std::string why_unseen(Ref const& ref) const;
    [[nodiscard]] std::optional<json::object> found(Ref const& ref) const;
    [[nodiscard]] std::optional<std::string> conflict(Ref const& ref, Ref const& object, KindInfo const& info) const;
    [[nodiscard]] std::optional<Reason> postponed(AnyStep const& step) const;
    static std::string paused(Verb verb);
    std::optional<Reason> waits(AnyStep& step, std::set<Ref> const& refers) const;
    [[nodiscard]] std::optional<Reason> waits_for_other(Ref const& ref) const;

    // ---- what must not be there
    void list_unwanted();
    void unremembered(Ref const& ref, Packed const& packed);
    [[nodiscard]] Ref const* made_for(Ref const& ref) const;
    [[nodiscard]] Ref owner_of(Ref const& ref) const;
    void count_removals();
    static bool ends(Subject const& owner) { return owner.phase == Phase::terminating || owner.phase == Phase::purged; }

    void unwanted(std::string const& kind);
    void remove_in_turn(std::set<Ref> const& all, KindInfo const& info);
    void remove_after_referrers(Ref const& ref, KindInfo const& info);
    void remove_one(Ref const& ref, KindInfo const& info);
    [[nodiscard]] std::optional<Reason> kept(AnyStep const& step, KindInfo const& info) const;
    std::optional<Reason> referred(AnyStep& step) const;

    // ---- the order of the steps
    void order_steps();
    void add(AnyStep step);

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

}  // namespace genesis
