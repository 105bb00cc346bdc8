// Objects in flight: who is worked on, by which pass, and who comes next. Decides nothing about a machine; plan() does.
#pragma once
#include "reconciler/run/driver_pool.hpp"
#include "reconciler/run/plan_run.hpp"
#include "reconciler/run/status_publisher.hpp"
#include "reconciler/telemetry/metrics.hpp"

#include <functional>
#include <optional>

namespace genesis {

struct ReconcilerSettings {
    NodeLayout layout;
    std::string node = "local";
    std::size_t max_removals = 50;
    Backoff backoff{};
    Timeouts timeouts{};
    std::chrono::milliseconds resync{300000};  // between full passes
    // Wakes closer together than `quiet` share a pass, up to `quiet_longest`. Both grow with each pass under way, so
    // that many small changes become few passes.
    std::chrono::milliseconds quiet{30}, quiet_longest{150};
    std::chrono::milliseconds straggler{2000};  // how long an observation waits for the last drivers, or as long again
                                                // as it has taken so far
    std::chrono::milliseconds question{700};    // the same for a question
    std::chrono::milliseconds question_longest{8000};  // a plan asked for by people is answered by then in any case
    std::chrono::milliseconds conflict{15000};         // until it is looked whether a conflict is gone
    std::chrono::milliseconds full_apart{1000};        // from one pass over everything to the next that is asked for
    // An object whose drivers have answered waits so long for those that others in its pass need, or as long as it has
    // taken until then.
    std::chrono::milliseconds together{20};
    std::chrono::milliseconds unseen{5000};  // until a single record that could not be observed is asked for again
    std::chrono::milliseconds allocation{
        10000};                   // between attempts to give what could not be given, while there is any
    std::size_t most_passes = 8;  // side by side; what comes meanwhile is taken together
    Metrics* metrics = nullptr;   // counts nothing without
    std::span<ObjectKind const> kinds = object_kinds();
    std::span<Expander const> expanders = genesis::expanders();
};

struct PassResult {
    bool full = false;
    std::size_t steps = 0, failed = 0, held = 0;
    std::chrono::steady_clock::duration took{};
};

// A pass takes objects that are not in flight, observes their records, plans, and hands the steps to the drivers. An
// object is in flight until its last step has ended or is left to a driver that is late; then it may be taken again.
// What is known to wait for something is looked at again when that has changed.
//
// Not thread-safe: all calls come from the loop's thread (or a test's).
class Reconciler final : private DriverEvents, private OtherRecords {
public:
    // All references outlive it. `completed` as DriverPool has it.
    Reconciler(Objects& store, Ledger& ledger, Workers& workers, StatusCache& cache, Clock const& clock, Log& log,
               ReconcilerSettings settings, std::function<void(std::size_t driver)> completed);

    // Level-triggered: a key, never an event. reset_backoff: the pauses between attempts end, as an operator would.
    void wake(Ref const& object, bool reset_backoff);
    void wake_all(bool reset_backoff);
    void retry_drivers() { pool_.retry_now(); }  // ends the pauses of drivers that could not observe
    void completed(std::size_t driver);          // its call has ended
    void advance();  // does whatever is due; call it after all of the above and at next_timer()
    [[nodiscard]] Steady next_timer() const;
    void stop(std::stop_token stop) { pool_.set_stop(std::move(stop)); }

    // What a pass would do for one object or for all, answered from an observation of its own; nothing is done, and
    // nothing waits for work under way. The answer comes within a second or so: of what cannot be observed meanwhile it
    // says what was last known.
    using Answer = std::function<void(Plan, std::exception_ptr)>;
    void examine(std::optional<Ref> const& object, Answer answer);
    // The same for an object as it would be if it were stored so, and for what depends on it.
    void preview(Object const& object, Answer answer);

    // Starts a pass now, of these objects or of all, whatever the clock says. False when none of them could be taken.
    bool start(std::optional<Dirty> const& scope);
    [[nodiscard]] bool busy() const { return !passes_.empty() || !questions_.empty() || !pool_.idle(); }
    [[nodiscard]] Dirty const& pending() const { return pending_; }
    [[nodiscard]] bool in_flight(Ref const& object) const { return in_flight_.contains(object); }
    [[nodiscard]] std::size_t passes() const { return passes_begun_; }
    void on_pass(std::function<void(PassResult const&)> listener) { on_pass_ = std::move(listener); }
    [[nodiscard]] std::optional<Time> next_due() const { return states_.next_due(); }
    // Kinds that cannot be observed at present, and why.
    [[nodiscard]] std::map<std::string, std::string> unreachable() const { return pool_.unreachable(); }
    [[nodiscard]] Kinds const& kinds() const { return pool_.kinds(); }

    // By object, in their order: records seen to be as wanted of which nothing else is to be said, and since when.
    struct AsWanted {
        std::map<Ref, std::vector<std::pair<Ref, Time>>> records;
        std::map<Ref, std::vector<ReportedValue>> reported;  // by object, of those of them that have some
    };

private:
    struct ObjectRun {
        std::int64_t generation = 0;
        bool worked = false, held = false;
        ObjectLines lines;
        std::vector<Ref> steps_on;           // records
        std::optional<std::set<Ref>> asked;  // what was observed for it, where more of it is known since
        std::size_t done = 0, failed = 0;
        std::string steps;  // for the log
    };
    struct Looking {
        std::set<std::size_t> open;  // drivers that have not answered
        Observation seen;
        std::map<std::size_t, Dirty> objects;  // by driver, those with records of its kinds
        std::set<Ref> changed;                 // records that steps of other objects have ended on meanwhile
        Steady started{}, close_at = Steady::max(), close_latest = Steady::max();
        Steady split_at = Steady::max();  // when those that need no open driver are planned for without the others
        std::chrono::milliseconds straggler{}, expected{};  // expected: of the slowest driver, but for all at once
    };
    struct Pass {
        PassResult result;
        std::map<Ref, ObjectRun> objects;
        Steady started{};
        Time planned{};
        std::optional<PlanRun> run;
    };
    struct Question {
        Dirty scope;
        bool everything = false;
        Desired::Overlay overlay;
        Answer answer;
    };

    // passes.cpp
    void refresh(std::optional<Dirty> const& scope);
    void refresh_one(Ref const& object);
    void take_in(Object const& object);
    void drop(Ref const& object);
    void wake_node();
    void keep_asked(Ref const& object);
    void move_records();
    [[nodiscard]] Dirty with_dependents(Dirty const& scope) const;
    void allocate_missing();
    [[nodiscard]] std::optional<Steady> allocation_due() const;
    std::vector<Ref> end_graces();  // whose is over, and stored so
    [[nodiscard]] std::optional<Steady> grace_due() const;
    void start_due();
    void wake_limited();
    [[nodiscard]] std::optional<Steady> wakes_due() const;
    bool begin(Dirty scope, bool everything);
    [[nodiscard]] Steady full_due() const;
    bool leave_full_look(Ref const& object);
    void plan_observed(PassId id, Observation seen);
    void plan_pass(PassId id, Observation observed);
    void note_plan(Pass& pass, Plan const& plan, PlanningInput const& input, AsWanted as_wanted);
    void forget_what_is_gone(Pass const& pass, Plan const& plan, Observation const& observed);
    void note_hold(Pass& pass, Hold const& hold, Observation const& observed);
    void wait_for(Ref const& record, Ref const& object);
    void wake_waiters(Ref const& record);
    void hand_over(PassId id, Pass& pass);
    void note_skipped(Pass& pass);
    void finish_objects(PassId id);
    void mark_unasked(Pass const& pass, Observation& observed);
    void finish(Ref const& object, ObjectRun& run);
    void leave_to_owner(Ref const& record, Ref const& former);
    void finish_removed(Ref const& object, ObjectRun const& run);
    void end_pass(PassId id);
    void abandon(PassId id, std::string const& why);
    void write_log(Ref const& object, ObjectRun const& run) const;

    // observing.cpp
    using Names = std::map<std::string, std::vector<std::string>>;  // keys, by kind; some twice
    Names names_of(Dirty const& scope, Desired::Overlay const& overlay, std::map<std::size_t, Dirty>& needs) const;
    Names unlisted_names(Dirty const& scope, std::map<std::size_t, Dirty>& needs) const;
    [[nodiscard]] std::map<std::size_t, std::map<std::string, Scope>> scopes_for(Dirty const& scope, bool everything,
                                                                                 Desired::Overlay const& overlay,
                                                                                 Looking& looking) const;
    void look(ObservationId id, Dirty const& scope, bool everything, Desired::Overlay const& overlay);
    void observed(ObservationId id, std::size_t driver, Observation part) override;
    void take_observation(ObservationId id, std::size_t driver, Observation part);
    void close(ObservationId id);
    void close_late();
    void split(ObservationId id);
    static Observation seen_by(Looking const& looking, Observation seen);
    [[nodiscard]] Desired::Wants const* wants(Ref const& object, Desired::Overlay const& overlay) const;
    [[nodiscard]] bool more_to_come(std::size_t driver) const override;
    [[nodiscard]] bool is_current(StepRequest const& request) const override;
    void recovered(std::size_t driver) override;
    void answer(Question question, Observation observed);
    void recall(PlanningInput& input) const;

    // planning.cpp
    AsWanted take_as_wanted(Dirty const& scope, Desired::Overlay const& overlay, Observation& observed) const;
    [[nodiscard]] bool concerns_somebody(Ref const& record, Observation const& observed) const;
    PlanningInput input_for(Dirty const& scope, Desired::Overlay const& overlay, Observation observed,
                            AsWanted const& as_wanted) const;
    Plan plan_for(PlanningInput& input) const;
    [[nodiscard]] State state(Ref const& record) const override;
    [[nodiscard]] std::string error(Ref const& record) const override;
    [[nodiscard]] Ref const* made_for(Ref const& record) const override;

    // outcomes.cpp
    void step_ended(StepRequest const& request, Outcome const& outcome) override;
    void take_outcome(StepRequest const& request, Outcome const& outcome);
    bool note_outcome(StepRequest const& request, Outcome const& outcome, ObjectRun* run);
    void note_line(ObjectRun& run, Ref const& record, SyncState state, std::string message);
    void batch_ended(std::size_t driver, BatchRun const& batch) override;
    void late(std::size_t driver, std::vector<StepRequest> queued, std::vector<StepRequest> const& begun) override;
    void leave(StepRequest const& request, std::string const& why);
    void overdue(std::size_t driver, std::vector<StepRequest> const& begun) override;
    void note_failure(Ref const& record, Ref const& object, std::string const& why);
    [[nodiscard]] std::string request_of(Ref const& object) const;
    void save();

    Objects& store_;
    Ledger& ledger_;
    StatusCache& cache_;
    Clock const& clock_;
    Log& log_;
    ReconcilerSettings settings_;
    Desired desired_;
    RecordStates states_;
    StatusPublisher publisher_;
    DriverPool pool_;

    Dirty pending_;  // woken, and not taken yet
    std::optional<Steady> woken_first_, woken_last_;
    std::optional<Steady> all_at_;  // when all is taken because somebody asked for it
    Steady full_began_{}, full_at_{};
    Steady graces_from_{};  // graces end no earlier, where that could not be stored
    Steady allocate_at_{};  // where something is missing
    Steady not_before_{};   // after the store failed
    std::chrono::milliseconds store_pause_{};
    std::optional<std::int64_t> seen_version_;  // of the store, when all of it was last read
    bool paused_ = false;                       // the whole server, as last read

    std::uint64_t next_id_ = 1;
    std::map<PassId, Pass> passes_;
    std::map<ObservationId, Looking> looking_;
    std::map<ObservationId, std::map<std::size_t, Dirty>> closed_;  // observations that a driver has not answered yet
    std::map<ObservationId, Question> questions_;
    std::set<Ref> in_flight_;               // objects
    RefMap<Ref> steps_on_;                  // records with a step that has not ended, and the objects whose it is
    RefSet moving_;                         // records that another object wants than the one remembered with them
    RefSet differing_;                      // records that were not in sync when they were last planned for
    std::map<Ref, std::string> left_;       // records a late driver works on, with what to say of them
    std::map<std::size_t, Dirty> stalled_;  // by driver, objects that could not be observed
    Dirty limited_;                         // objects whose removals wait since too many would be removed …
    std::size_t limited_at_ = 0;            // … and how many were to go then
    std::map<Ref, Dirty> waiters_;          // by record, objects of others that wait for it
    std::size_t passes_begun_ = 0;
    std::function<void(PassResult const&)> on_pass_;
};

}  // namespace genesis
