// What Genesis says of an object: conditions for programs, records for people.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

// One condition of an object, in the manner of Kubernetes: ready, progressing, degraded, suspended, terminating,
// paused.
struct Condition {
    std::string type, status, reason, message;
    std::int64_t observed_generation = 0;
    std::string changed_at;
};
template <>
struct Describe<Condition> {
    static constexpr std::string_view kind = "condition",
                                      doc = "One thing that is true, false or not known of an object.";
    static constexpr auto fields = std::tuple{
        field("type", &Condition::type, "ready, progressing, degraded, suspended, terminating or paused.", Mark::key),
        field("status", &Condition::status, "true, false or unknown.", Mark::required),
        field("reason", &Condition::reason, "One word for programs."),
        field("message", &Condition::message, "One sentence for people."),
        field("observed_generation", &Condition::observed_generation, "The generation this was said of."),
        field("changed_at", &Condition::changed_at, "When status last changed, ISO 8601."),
    };
};

// One record of an object on the machine.
struct RecordStatus {
    std::string kind, key, state, cause, message;
    std::int64_t attempts = 0;
    std::string next_attempt, observed_at, since;
};
template <>
struct Describe<RecordStatus> {
    static constexpr std::string_view kind = "record_status",
                                      doc = "How one record on the machine compares with what is wanted.";
    static constexpr auto fields = std::tuple{
        field("kind", &RecordStatus::kind, "Record kind.", Mark::required),
        field("key", &RecordStatus::key, "Record name.", Mark::required),
        field("state", &RecordStatus::state,
              "in_sync, differs, failing, refused, conflict, waiting, unseen, removing or held (a removal that needs a "
              "confirmation)."),
        field("cause", &RecordStatus::cause, "spec_changed, drifted or never_converged; empty in sync."),
        field("message", &RecordStatus::message, "The last error, or what it waits for."),
        field("attempts", &RecordStatus::attempts, "Failed attempts in a row."),
        field("next_attempt", &RecordStatus::next_attempt, "ISO 8601; empty when none is due."),
        field("observed_at", &RecordStatus::observed_at, "When it was last looked at."),
        field("since", &RecordStatus::since, "Since when it is in this state."),
    };
};

struct Status {
    std::int64_t observed_generation = 0;
    std::vector<Condition> conditions;
    std::vector<RecordStatus> records;
};
template <>
struct Describe<Status> {
    static constexpr std::string_view kind = "status", doc = "What is so, as opposed to what is wanted.";
    static constexpr auto fields = std::tuple{
        field("observed_generation", &Status::observed_generation, "The last generation the loop has worked on."),
        field("conditions", &Status::conditions, "See condition."),
        field("records", &Status::records, "See record_status.", Mark::none, {.most = 100000}),
    };
};

}  // namespace genesis
