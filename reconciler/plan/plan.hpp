// Compares what must be with what is and says what to do, in what order, and what is left undone and why. Pure.
#pragma once
#include "drivers/driver.hpp"
#include "reconciler/plan/expand.hpp"

#include <optional>
#include <string>
#include <vector>

namespace genesis {

// What is remembered of a record of ours.
struct Memory {
    Ref object;
    std::int64_t in_sync_generation = 0, refused_generation = 0;
    int attempts = 0;
    std::optional<Time> next_attempt;
    std::string error;
};

struct Wanted {
    Ref object;
    json::object const* value = nullptr;
};

struct KindInfo {
    Schema const* schema = nullptr;
    KindTraits traits;
    std::string driver;
};

struct World {
    std::map<Ref, Wanted> want;
    std::map<Ref, Memory> ours;  // every record we made, of the objects looked at
    std::set<Ref>
        respecified;  // wanted otherwise since it was last in sync, though its object's generation is the same
    Look look;
    std::map<Ref, Subject const*> subjects;
    std::set<Ref> leaving;  // objects, looked at or not, that end unconfirmed and still have what would be removed
};

struct Policy {
    std::size_t max_removals = 50;  // objects whose removal may begin without a confirmation
    bool paused = false;
    Time now{};
};

enum class Cause { never_converged, spec_changed, drifted };
std::string_view word_of(Cause cause);

struct Hold {
    Ref ref, object;
    Verb verb{};  // what would be done
    Cause cause{};
    std::string reason;  // unseen, conflict, paused, backing_off, refused, waits, replacement, removal_limit,
                         // holds_data, orphan
    std::string message;
    std::vector<Change> changes;
};

// Steps of one kind. Batches form a graph: one may start when all it comes `after` are done; each ends with a settle.
struct Batch {
    std::string kind, driver;
    std::vector<AnyStep> steps;
    std::vector<std::string> causes;  // of each step, as words
    std::vector<std::size_t> after;   // indexes of earlier batches
};

struct Plan {
    std::vector<Batch> batches;
    std::vector<Hold> holds;
    std::vector<Ref> in_sync;  // wanted and as wanted
    std::vector<Ref> gone;     // ours once, unwanted now and seen to be absent
    [[nodiscard]] bool empty() const { return batches.empty() && holds.empty(); }
};

using Kinds = std::map<std::string, KindInfo, std::less<>>;

// The kinds in the order they are made: each after all it refers to. Throws std::logic_error on a cycle.
std::vector<std::string> making_order(Kinds const& kinds);

Plan plan(World const& world, Kinds const& kinds, Policy const& policy);

// What API and CLI show of it; values are redacted already.
json::object describe(Plan const& plan);

}  // namespace genesis
