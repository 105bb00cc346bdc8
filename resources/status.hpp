// What Genesis says of an object: conditions for programs, records for people.
#pragma once
#include "resources/schema/codec.hpp"

#include <algorithm>
#include <array>

namespace genesis {

// What may be true of an object, in the manner of Kubernetes' conditions.
enum class ConditionType { ready, progressing, degraded, suspended, terminating, paused };
template <>
struct EnumNames<ConditionType> {
    static constexpr std::array names{std::pair{ConditionType::ready, std::string_view("ready")},
                                      std::pair{ConditionType::progressing, std::string_view("progressing")},
                                      std::pair{ConditionType::degraded, std::string_view("degraded")},
                                      std::pair{ConditionType::suspended, std::string_view("suspended")},
                                      std::pair{ConditionType::terminating, std::string_view("terminating")},
                                      std::pair{ConditionType::paused, std::string_view("paused")}};
};

enum class Truth { no, yes, unknown };
template <>
struct EnumNames<Truth> {
    static constexpr std::array names{std::pair{Truth::yes, std::string_view("true")},
                                      std::pair{Truth::no, std::string_view("false")},
                                      std::pair{Truth::unknown, std::string_view("unknown")}};
};

enum class ConditionReason {
    none,
    as_wanted,
    as_last_observed,  // ready, though some of it could not be observed now
    not_observed,      // the newest generation
    converging,
    progressing,  // long work is under way
    failing,
    terminating,
    working,
    idle,
    record_failing,
    by_spec,  // suspended
    purging,
    grace,
    by_operator  // paused
};
template <>
struct EnumNames<ConditionReason> {
    static constexpr std::array names{std::pair{ConditionReason::none, std::string_view("None")},
                                      std::pair{ConditionReason::as_wanted, std::string_view("AsWanted")},
                                      std::pair{ConditionReason::as_last_observed, std::string_view("AsLastObserved")},
                                      std::pair{ConditionReason::not_observed, std::string_view("NotObserved")},
                                      std::pair{ConditionReason::converging, std::string_view("Converging")},
                                      std::pair{ConditionReason::progressing, std::string_view("Progressing")},
                                      std::pair{ConditionReason::failing, std::string_view("Failing")},
                                      std::pair{ConditionReason::terminating, std::string_view("Terminating")},
                                      std::pair{ConditionReason::working, std::string_view("Working")},
                                      std::pair{ConditionReason::idle, std::string_view("Idle")},
                                      std::pair{ConditionReason::record_failing, std::string_view("RecordFailing")},
                                      std::pair{ConditionReason::by_spec, std::string_view("Spec")},
                                      std::pair{ConditionReason::purging, std::string_view("Purging")},
                                      std::pair{ConditionReason::grace, std::string_view("Grace")},
                                      std::pair{ConditionReason::by_operator, std::string_view("Operator")}};
};

struct Condition {
    ConditionType type{};
    Truth status = Truth::unknown;
    ConditionReason reason{};
    std::string message;
    std::int64_t observed_generation = 0;
    std::string changed_at;
};
template <>
struct Describe<Condition> {
    static constexpr std::string_view kind = "condition",
                                      doc = "One thing that is true, false or not known of an object.";
    static constexpr auto fields = std::tuple{
        field("type", &Condition::type, "What may be true of an object.", Attribute::key),
        field("status", &Condition::status, "Whether it is.", Attribute::required),
        field("reason", &Condition::reason, "One word for programs."),
        field("message", &Condition::message, "One sentence for people."),
        field("observed_generation", &Condition::observed_generation, "The generation this was said of."),
        field("changed_at", &Condition::changed_at, "When status last changed, ISO 8601."),
    };
};

inline bool is_true(Condition const& condition, ConditionType type) {
    return condition.type == type && condition.status == Truth::yes;
}
inline bool is_true(std::vector<Condition> const& conditions, ConditionType type) {
    return std::any_of(conditions.begin(), conditions.end(), [&](auto const& c) { return is_true(c, type); });
}

// How a record compares with what is wanted.
enum class SyncState {
    in_sync,
    differs,      // will be changed
    progressing,  // long work on it is under way
    waiting,      // for another record, or for a driver that is late
    held,         // a removal that needs a confirmation
    removing,
    unseen,   // could not be observed
    failing,  // its last attempt failed
    refused,  // cannot work until the spec changes
    conflict  // something that Genesis does not manage bears its name
};
template <>
struct EnumNames<SyncState> {
    static constexpr std::array names{std::pair{SyncState::in_sync, std::string_view("in_sync")},
                                      std::pair{SyncState::differs, std::string_view("differs")},
                                      std::pair{SyncState::progressing, std::string_view("progressing")},
                                      std::pair{SyncState::waiting, std::string_view("waiting")},
                                      std::pair{SyncState::held, std::string_view("held")},
                                      std::pair{SyncState::removing, std::string_view("removing")},
                                      std::pair{SyncState::unseen, std::string_view("unseen")},
                                      std::pair{SyncState::failing, std::string_view("failing")},
                                      std::pair{SyncState::refused, std::string_view("refused")},
                                      std::pair{SyncState::conflict, std::string_view("conflict")}};
};

// One record of an object on the machine.
struct RecordStatus {
    std::string kind, key;
    SyncState state{};
    std::string cause, message;
    std::int64_t attempts = 0;
    std::string next_attempt, observed_at, since;
    std::optional<std::int64_t> percent;
    std::map<std::string, std::string> reported;
    bool was_in_sync = false;  // unseen now, and as wanted when it was last observed; shown by the object's conditions
};
template <>
struct Describe<RecordStatus> {
    static constexpr std::string_view kind = "record_status",
                                      doc = "How one record on the machine compares with what is wanted.";
    static constexpr auto fields = std::tuple{
        field("kind", &RecordStatus::kind, "Record kind.", Attribute::required),
        field("key", &RecordStatus::key, "Record name.", Attribute::required),
        field("state", &RecordStatus::state,
              "How it compares with the spec. progressing: long work on it is under way; held: its removal needs a "
              "confirmation; unseen: it could not be observed."),
        field("cause", &RecordStatus::cause, "spec_changed, drifted or never_converged; empty in sync."),
        field("message", &RecordStatus::message, "The last error, what it waits for, or what is under way."),
        field("attempts", &RecordStatus::attempts, "Failed attempts in a row."),
        field("next_attempt", &RecordStatus::next_attempt,
              "When it is tried or looked at again, ISO 8601; empty when only with all others."),
        field("observed_at", &RecordStatus::observed_at, "When it was last looked at."),
        field("since", &RecordStatus::since, "Since when it is in this state."),
        field("percent", &RecordStatus::percent, "How far long work has come; absent when that is not known.",
              Attribute::none, {.min = 0, .max = 100}),
        field("reported", &RecordStatus::reported, "What was observed that no spec asks for (size, version, expiry)."),
    };
};

// What an object has of what is had once.
struct AllocationStatus {
    std::string slot, space, pool;
    std::optional<std::string> value;
    std::string why;
};
template <>
struct Describe<AllocationStatus> {
    static constexpr std::string_view kind = "allocation_status",
                                      doc = "A value that an object was given of a limited supply: a uid, an address.";
    static constexpr auto fields = std::tuple{
        field("slot", &AllocationStatus::slot, "What the object calls it.", Attribute::key),
        field("space", &AllocationStatus::space, "Within which each value is given once.", Attribute::required),
        field("pool", &AllocationStatus::pool, "The object it is taken from; empty when from none."),
        field("value", &AllocationStatus::value, "Absent while none can be given; what needs it waits."),
        field("why", &AllocationStatus::why, "Why there is no value; it is tried again by itself."),
    };
};

struct Status {
    std::int64_t observed_generation = 0;
    std::vector<Condition> conditions;
    std::vector<RecordStatus> records;
    std::vector<AllocationStatus> allocations;
};
template <>
struct Describe<Status> {
    static constexpr std::string_view kind = "status", doc = "What is so, as opposed to what is wanted.";
    static constexpr auto fields = std::tuple{
        field("observed_generation", &Status::observed_generation, "The last generation the loop has worked on."),
        field("conditions", &Status::conditions, "See condition."),
        field("records", &Status::records, "See record_status.", Attribute::none, {.most = 100000}),
        field("allocations", &Status::allocations, "See allocation_status."),
    };
};

}  // namespace genesis
