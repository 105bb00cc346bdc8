// What was made of it on this machine: records, intents and their outcomes, history. A port; never shared by machines.
#pragma once
#include "drivers/driver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace genesis {

// A record that we made or are about to make: its row is durable before the machine changes.
struct RecordState {
    Ref ref, object;
    std::uint64_t in_sync_value = 0;  // value_hash() of what was wanted when the record last was so; 0: it never was
    std::uint64_t refused_value = 0;  // value_hash() of what can never work; of an absent one: its removal cannot
    int attempts = 0;                 // failures in a row
    std::optional<Time> next_attempt;
    std::string error;  // of the last attempt; empty after a success
    Time since{};       // of the present run of failures, or of the last success
    bool operator==(RecordState const&) const = default;
};

// One line of history: an intent, and once it is known its outcome.
struct HistoryEntry {
    std::int64_t id = 0;
    Time at{};
    Ref object, ref;
    std::string verb, cause;
    std::string request;  // the X-Request-Id that brought the generation worked on
    json::array changes;  // [{path, from, to}], redacted
    std::string outcome;  // "" while under way; then Outcome::How; interrupted when the daemon ended before it knew
    std::string why;
};

struct Journal {
    virtual ~Journal() = default;
    // Durable when it returns: one history line a step, and a RecordState row for each record to be created.
    virtual void intend(std::span<AnyStep const> steps, std::span<std::string const> causes) = 0;
    // One outcome a step. Rows stay: the engine drops a removed record's once it has seen that it is gone.
    virtual void record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) = 0;
};

struct Ledger : Journal {
    virtual std::vector<RecordState> records() = 0;
    virtual void save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) = 0;
    // The newest first, ids below `before` (0: from the newest).
    virtual std::vector<HistoryEntry> history(std::optional<Ref> const& object, std::int64_t before,
                                              std::size_t limit) = 0;
};

}  // namespace genesis
