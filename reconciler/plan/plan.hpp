// Compares what must be with what is and says what to do, in what order, and what is left undone and why. Pure.
#pragma once
#include "drivers/driver.hpp"
#include "reconciler/plan/expand.hpp"

#include <optional>
#include <string>
#include <vector>

namespace genesis {

// What is remembered of a record that Genesis made.
struct RecordHistory {
    Ref object;
    bool was_in_sync = false;  // once
    bool respecified = false;  // what is wanted now is another value than it then was
    bool refused = false;      // what is wanted now can never work
    int attempts = 0;
    std::optional<Time> next_attempt;
    std::string error;
};

struct Wanted {
    Ref object;
    Packed const* value = nullptr;
    std::string const* unallocated = nullptr;  // why its value is not known yet; null: it is
};

struct KindInfo {
    Schema const* schema = nullptr;
    KindTraits traits;
    std::string driver;
    bool reports = false;  // has reported fields
};

// Records of objects that the plan is not about: what records of its objects may refer to, and what is no orphan.
struct OtherRecords {
    enum State { unknown, converging, in_sync };
    virtual ~OtherRecords() = default;
    [[nodiscard]] virtual State state(Ref const& record) const = 0;
    [[nodiscard]] virtual std::string error(Ref const& record) const = 0;  // of its last attempt; empty: none
    [[nodiscard]] virtual Ref const* made_for(
        Ref const& record) const = 0;  // the object; null: Genesis did not make it
};

// Records that are as wanted, and of which nothing else is to be said, may be left out of all of it: `others` knows
// them.
struct PlanningInput {
    RefMap<Wanted> want;
    RefMap<RecordHistory> ours;  // every record Genesis made, of the objects the plan is about
    Observation observed;
    std::map<Ref, Subject const*> subjects;
    std::set<Ref> leaving;                 // every object that ends unconfirmed and still has what would be removed
    std::map<Ref, std::string> in_flight;  // records that a late driver still works on, and what to say of it
    OtherRecords const* others = nullptr;  // null: there are none
};

struct Policy {
    std::size_t max_removals = 50;  // objects whose removal may begin without a confirmation
    bool paused = false;
    Time now{};
};

enum class Cause { never_converged, spec_changed, drifted };
template <>
struct EnumNames<Cause> {
    static constexpr std::array names{std::pair{Cause::never_converged, std::string_view("never_converged")},
                                      std::pair{Cause::spec_changed, std::string_view("spec_changed")},
                                      std::pair{Cause::drifted, std::string_view("drifted")}};
};

// Why a difference is left as it is for now.
enum class HoldReason {
    unseen,         // could not be observed
    conflict,       // something unmanaged bears its name
    paused,         // by an operator, the object or the whole server
    backing_off,    // failed; its next attempt is not due yet
    refused,        // can never work until the spec changes
    waits,          // for another record
    unallocated,    // for a value that could not be given to its object yet
    in_flight,      // a driver that is late still works on it
    in_progress,    // long work on it is under way
    overdue,        // that has taken longer than it may
    replacement,    // a fixed field differs
    removal_limit,  // more objects would be removed than max_removals
    holds_data,     // its removal needs a confirmation
    orphan          // bears our marker, nothing asks for it
};
template <>
struct EnumNames<HoldReason> {
    static constexpr std::array names{std::pair{HoldReason::unseen, std::string_view("unseen")},
                                      std::pair{HoldReason::conflict, std::string_view("conflict")},
                                      std::pair{HoldReason::paused, std::string_view("paused")},
                                      std::pair{HoldReason::backing_off, std::string_view("backing_off")},
                                      std::pair{HoldReason::refused, std::string_view("refused")},
                                      std::pair{HoldReason::waits, std::string_view("waits")},
                                      std::pair{HoldReason::unallocated, std::string_view("unallocated")},
                                      std::pair{HoldReason::in_flight, std::string_view("in_flight")},
                                      std::pair{HoldReason::in_progress, std::string_view("in_progress")},
                                      std::pair{HoldReason::overdue, std::string_view("overdue")},
                                      std::pair{HoldReason::replacement, std::string_view("replacement")},
                                      std::pair{HoldReason::removal_limit, std::string_view("removal_limit")},
                                      std::pair{HoldReason::holds_data, std::string_view("holds_data")},
                                      std::pair{HoldReason::orphan, std::string_view("orphan")}};
};

struct Hold {
    Ref ref, object;
    Verb verb{};  // what would be done
    Cause cause{};
    HoldReason reason{};
    std::string message;
    std::vector<Change> changes;
    std::optional<Ref> waits_for{};  // with `waits`: the record
};

struct PlannedStep {
    AnyStep step;
    Cause cause{};
    // A removal that waits until every change of its kind in this plan can be taken: they are then taken together, and
    // a name can move from one record to another in one reload.
    bool joins_changes = false;
    std::string driver;
};

struct Plan {
    std::vector<PlannedStep> steps;  // each stands behind all that its step comes `after`
    std::vector<Hold> holds;
    std::vector<Ref> in_sync;                        // wanted and as wanted
    std::vector<Ref> gone;                           // ours once, unwanted now and seen to be absent
    Time observed_at{};                              // when the machine was observed for it
    std::map<std::string, std::string> unreachable;  // kind → why it was not; what is said of it is what was last known
    [[nodiscard]] bool empty() const { return steps.empty() && holds.empty(); }
};

using Kinds = std::map<std::string, KindInfo, std::less<>>;

// The kinds in the order they are made: each after all it refers to. Throws std::logic_error on a cycle.
std::vector<std::string> making_order(Kinds const& kinds);
// The kinds that records of `schema` may refer to, at any depth; itself among them where it does.
std::set<std::string> referred_kinds(Schema const& schema);

Plan plan(PlanningInput const& input, Kinds const& kinds, Policy const& policy);

// What API and CLI show of it; values are redacted already.
json::object describe(Plan const& plan);
json::object unreachable_of(Plan const& plan);  // kind → why

}  // namespace genesis
