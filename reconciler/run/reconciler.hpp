// One pass: look, plan, execute, remember. Single-threaded; the loop says when.
#pragma once
#include "reconciler/run/board.hpp"
#include "reconciler/run/executor.hpp"
#include "reconciler/telemetry/metrics.hpp"

#include <optional>
#include <random>
#include <set>

namespace genesis {

struct ReconcilerSettings {
    Terrain terrain;
    std::size_t max_removals = 50;
    std::chrono::milliseconds first_pause{1000}, longest_pause{300000};  // between attempts at a failing record
    std::uint64_t seed = 0;                                              // of the jitter; 0: from the system
    Metrics* metrics = nullptr;                                          // counts nothing without
};

using Dirty = std::set<Ref>;

struct PassResult {
    Dirty again;  // objects something was done for: look at them once more, to see that it is so
    std::size_t steps = 0, failed = 0, held = 0;
};

class Reconciler {
public:
    Reconciler(Objects& store, Ledger& ledger, Executor& executor, Clock const& clock, Log& log,
               ReconcilerSettings settings);

    // Everything (nothing given), or only these objects and what depends on them.
    PassResult pass(std::optional<Dirty> const& dirty, std::stop_token const& stop);
    // What a pass would do; nothing is done.
    Plan examine(std::optional<Ref> const& object, std::stop_token const& stop);
    // The same for an object as it would be if it were stored so, and what depends on it. Leaves no trace: neither in
    // the pauses between attempts nor in what later steps are said to be caused by.
    Plan preview(Object const& object, std::stop_token const& stop);

    void retry_now(std::optional<Ref> const& object);  // ends every pause between attempts
    // When the next record may be tried again.
    [[nodiscard]] std::optional<Time> next_due() const;
    [[nodiscard]] Dirty due(Time now) const;  // objects with such a record

    Board& board() { return board_; }
    [[nodiscard]] std::map<std::string, std::string> const& blind() const { return blind_; }

private:
    // What is known of some objects, as it was; put back at the end.
    class Undisturbed;

    void refresh(std::optional<Dirty> const& dirty);
    void learn(Object const& object);
    void unlearn(Ref const& ref);
    [[nodiscard]] Subject subject_of(Object const& object) const;
    Dirty with_dependents(Dirty const& dirty) const;
    World world(Dirty const& scope, bool everything, std::stop_token const& stop);
    [[nodiscard]] std::set<Ref> leaving() const;
    Plan plan_for(World& world) const;
    void note_in_sync(Plan const& plan, World const& world);
    void note_outcomes(Report const& report);
    Dirty note_elsewhere(Report const& report);
    void forget_missed(Dirty const& scope, Time planned);
    void note_failure(RecordState& state, std::string const& why);
    void write_log(Report const& report) const;
    void count(Report const& report, bool full, Steady started) const;
    [[nodiscard]] std::string request_of(Ref const& object) const;
    RecordState& state_of(Ref const& ref, Ref const& object);
    void drop(Ref const& ref);
    void publish(Dirty const& scope, Plan const& plan, Report const& report);
    void publish_one(Ref const& object, Board::Lines lines, bool busy);
    void finish_removed(Dirty const& scope, Plan const& plan);
    std::chrono::milliseconds pause(int attempts);
    void save();

    Objects& store_;
    Ledger& ledger_;
    Executor& executor_;
    Clock const& clock_;
    Log& log_;
    ReconcilerSettings settings_;
    std::mt19937_64 random_;

    std::map<Ref, Subject> subjects_;
    std::map<Ref, std::vector<Condition>> conditions_;
    std::map<Ref, std::int64_t> observed_;
    std::map<Ref, std::pair<std::uint64_t, Records>> expanded_;  // by the version of the packages
    Packages packages_;
    std::uint64_t packages_version_ = 1;
    std::map<Ref, RecordState> states_;
    std::map<Ref, std::set<Ref>> by_object_;
    std::set<Ref> applied_;      // done, and not yet seen to be in sync
    std::set<Ref> respecified_;  // wanted otherwise than when it was last in sync
    std::set<Ref> unsaved_, dropped_;
    std::map<std::string, std::string> blind_;
    Board board_;
};

}  // namespace genesis
