// What is remembered of each record: when it last was in sync, its failures, and when to look at it again.
#pragma once
#include "reconciler/plan/plan.hpp"
#include "reconciler/run/desired.hpp"
#include "reconciler/store/ledger.hpp"

#include <functional>
#include <optional>
#include <random>
#include <set>
#include <span>

namespace genesis {

struct Backoff {
    std::chrono::milliseconds first{1000}, longest{300000};  // between attempts at a failing record, ± 20 %
    std::uint64_t seed = 0;                                  // of the jitter; 0: from the system
};

// Not thread-safe; the loop's thread owns it. Changes are kept until save().
class RecordStates {
public:
    RecordStates(std::vector<RecordState> stored, Clock const& clock, Backoff backoff);

    [[nodiscard]] RecordState const* find(Ref const& record) const;
    // In the order of their names; valid until one comes or goes.
    [[nodiscard]] std::span<RecordState const* const> of(Ref const& object) const;
    [[nodiscard]] std::size_t count(std::string const& kind) const;
    // `wanted`: value_hash() of what is wanted of it now; of an absent one where nothing is.
    [[nodiscard]] RecordHistory history(Ref const& record, std::uint64_t wanted) const;
    [[nodiscard]] bool in_sync_with(Ref const& record,
                                    std::uint64_t wanted) const;  // in sync with this, when last observed
    // Since when, where nothing else is remembered of it: no failure, nothing done since, nothing to look at again.
    [[nodiscard]] std::optional<Time> at_rest_since(RecordState const& state, std::uint64_t wanted) const;

    // Observed to be as wanted.
    void in_sync(Ref const& record, Ref const& object, std::uint64_t wanted);
    // A step was done, and has not been observed yet. False where the same was done before and the record still
    // differed: that is a failure.
    bool applied(AnyStep const& step);
    void failed(Ref const& record, Ref const& object, std::string const& why);
    void refused(Ref const& record, std::uint64_t wanted);
    // Long work on it was started: no failure. Those of before count until it is in sync.
    void in_progress(Ref const& record, Ref const& object);
    void observe_again(Ref const& record, Ref const& object, std::chrono::milliseconds after);
    // When it is to be looked at again or tried again.
    [[nodiscard]] std::optional<Time> next_look(Ref const& record) const;
    void gone(Ref const& record);
    // Removals of records of which nothing else is remembered, once they are seen to have taken effect.
    void forget_removals(std::function<bool(Ref const& record, Ref const& object)> const& is_gone);
    // Another object wants it now: what is remembered of it begins again.
    void move(Ref const& record, Ref const& object);
    void forget_object(Ref const& object);

    // Ends the pauses between attempts, and what was refused is tried again: of one object, or of all.
    void reset_backoff(std::optional<Ref> const& object);
    // A record whose time has come but that was held for another reason is tried whenever that reason ends. `planned`:
    // when the plan was made; what failed since has a later time of its own.
    void forget_missed(Ref const& object, Time planned);
    [[nodiscard]] std::optional<Time> next_due() const;
    Dirty take_due(Time now);  // objects with a record whose time has come

    // One commit for everything that changed.
    void save(Ledger& ledger);

private:
    RecordState& entry(Ref const& record, Ref const& object);
    void list(RecordState& state);
    void unlist(RecordState const& state);
    void reset(RecordState& state);
    void not_observed_again(Ref const& record);
    void schedule(RecordState& state, std::optional<Time> at);
    std::chrono::milliseconds pause(int attempts);

    Clock const& clock_;
    Backoff backoff_;
    std::mt19937_64 random_;
    RefMap<RecordState> states_;
    RefMap<std::vector<RecordState*>> by_object_;
    std::map<std::string, std::size_t> by_kind_;
    std::set<std::pair<Time, Ref>> due_;  // attempts
    RefSet missed_;                       // records whose time has come, and no attempt was made since
    DueTimes observe_at_;                 // records to be looked at then …
    std::map<Ref, Ref> observe_for_;      // … and their objects
    RefMap<std::string> applied_;         // with the fingerprints of what was applied
    std::map<Ref, Ref> removed_;          // records that were, of which nothing is remembered, and objects
    RefSet unsaved_, dropped_;
};

}  // namespace genesis
