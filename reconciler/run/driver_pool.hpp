// What waits for each driver and what it is working on: calls are merged, bounded in time, and a driver that is late or
// cannot see holds up only what needs it.
#pragma once
#include "reconciler/plan/plan.hpp"
#include "reconciler/run/batch_run.hpp"
#include "reconciler/run/workers.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace genesis {

struct Timeouts {
    std::chrono::milliseconds observe{30000};  // for a driver to observe all its kinds
    std::chrono::milliseconds batch{60000};    // for apply and commit of one batch …
    std::chrono::milliseconds step{200};       // … and so much more for each of its steps
    std::chrono::milliseconds grace{2000};     // beyond a deadline before what it works on counts as failed
    std::chrono::milliseconds late_observe{
        700};  // a driver that takes longer, or twice as long as the last time, is late …
    std::chrono::microseconds late_record{100};  // … with so much more for each record to be observed
    std::chrono::milliseconds late_batch{3000};  // the same for a batch …
    std::chrono::milliseconds late_step{50};     // … with so much more for each step
    // A driver with a least interval between batches waits so long for steps that are to come, to take them together.
    std::chrono::milliseconds gather{5000};
    std::chrono::milliseconds retry_first{1000},
        retry_longest{8000};  // before a driver that could not see is asked again
};

using PassId = std::uint64_t;
using ObservationId = std::uint64_t;

// A step of a pass, handed over to be taken.
struct StepRequest {
    PassId pass = 0;
    std::size_t index = 0;  // in the pass's plan
    AnyStep step;
    Cause cause{};
};

// Called on the loop's thread.
struct DriverEvents {
    virtual ~DriverEvents() = default;
    // What one driver has seen for an observation; kinds that threw are unreachable in it.
    virtual void observed(ObservationId id, std::size_t driver, Observation part) = 0;
    virtual void step_ended(StepRequest const& request, Outcome const& outcome) = 0;
    // After the step_ended() of its steps. Of no steps where all that waited were outdated.
    virtual void batch_ended(std::size_t driver, BatchRun const& batch) = 0;
    // The driver is late. `queued`: steps that it has not begun, given back; `begun`: those that it works on.
    virtual void late(std::size_t driver, std::vector<StepRequest> queued, std::vector<StepRequest> const& begun) = 0;
    // Its deadline has passed as well; shown once.
    virtual void overdue(std::size_t driver, std::vector<StepRequest> const& begun) = 0;
    // Whether the step is what is stored wants: its object may have been changed or paused while it waited. Asked
    // before data is removed.
    [[nodiscard]] virtual bool is_current(StepRequest const& request) const = 0;
    // Whether steps for the driver are being waited for that have not been handed over yet.
    [[nodiscard]] virtual bool more_to_come(std::size_t driver) const = 0;
    // It can be asked again: what waited for it should be looked at.
    virtual void recovered(std::size_t driver) = 0;
};

// Not thread-safe but for what it hands to the workers; the loop's thread owns it.
class DriverPool {
public:
    // `completed` is called on any thread when a call has ended; completed() below is due then, on the loop's thread.
    DriverPool(Workers& workers, Journal& journal, Clock const& clock, Log& log, Timeouts timeouts,
               std::function<void(std::size_t driver)> completed);

    [[nodiscard]] Kinds const& kinds() const { return kinds_; }
    [[nodiscard]] std::size_t driver_of(std::string const& kind) const { return driver_of_.at(kind); }
    [[nodiscard]] std::string const& name(std::size_t driver) const { return queues_[driver].name; }
    void set_events(DriverEvents& events) { events_ = &events; }
    void set_stop(std::stop_token stop) { stop_ = std::move(stop); }

    // Asks the driver to observe these kinds of its own.
    void observe(ObservationId id, std::size_t driver, std::map<std::string, Scope> scopes);
    void apply(StepRequest request);
    // Starts what can be started. Call it when there is no more to ask for at the moment.
    void pump();
    void completed(std::size_t driver);
    void advance();  // timers
    [[nodiscard]] Steady next_timer() const;
    [[nodiscard]] bool idle() const;  // nothing runs, but for what is late, and nothing waits

    // How long its answer may take, as its last ones show: a driver that always takes 2 s is slow, not late. `listing`:
    // of all records of a kind, not of named ones.
    [[nodiscard]] std::chrono::milliseconds expected(std::size_t driver, bool listing) const;
    // Works on a call for longer than it should: what is handed over waits until it has answered.
    [[nodiscard]] bool is_late(std::size_t driver) const {
        return queues_[driver].running && queues_[driver].running->late;
    }
    // Why the driver is not asked at present; empty when it is.
    [[nodiscard]] std::string unavailable(std::size_t driver) const;
    // Kinds that could not be seen when they were last asked for, or whose driver is late, and why.
    [[nodiscard]] std::map<std::string, std::string> unreachable() const;
    // A record to ask for when the driver is tried again.
    void probe_with(std::size_t driver, Ref const& record) { queues_[driver].probe = record; }
    // Ends the pauses of drivers that could not see.
    void retry_now();

private:
    struct ObserveRequest {
        ObservationId id;
        std::map<std::string, Scope> scopes;
    };
    struct Call {
        std::vector<ObserveRequest> observations;  // either these …
        std::map<std::string, Scope> scopes;
        Observation seen;
        std::vector<StepRequest> requests;  // … or these
        BatchRun batch;
        Steady started, late_at, overdue_at;
        bool late = false, overdue = false;
    };
    struct Queue {
        std::string name;
        std::vector<std::string> kinds;  // in making order
        std::vector<ObserveRequest> observations;
        std::vector<StepRequest> steps;
        std::shared_ptr<Call> running;
        bool observed_last = false;
        bool slow_last = false;  // the last batch was of slow steps
        Steady next_batch{};
        Steady gather_until{};                       // of the steps that wait
        std::map<std::string, std::string> trouble;  // kind → why it could not be seen
        std::chrono::milliseconds pause{};
        std::chrono::milliseconds took_listing{}, took_named{};  // the last observations
        Steady retry_at = Steady::max();
        std::optional<Ref> probe;
    };
    void start(std::size_t driver);
    [[nodiscard]] Steady batch_due(std::size_t driver) const;
    void start_observation(std::size_t driver);
    void start_batch(std::size_t driver);
    void run_steps(std::size_t driver, std::vector<StepRequest> waiting);
    std::vector<StepRequest> take_outdated(std::vector<StepRequest>& steps) const;
    [[nodiscard]] std::size_t room_for(AnyStep const& step) const;
    std::vector<StepRequest> take_steps(Queue& q) const;
    static void sort_for_batch(Queue const& q, std::vector<StepRequest>& steps);
    void end_observation(std::size_t driver, Call& call);
    void end_batch(std::size_t driver, Call& call);
    void note_trouble(std::size_t driver, Call const& call, bool probed);
    void learn(std::size_t driver, Call const& call);
    void try_again(std::size_t driver);
    void check_running(std::size_t driver, Steady now);

    Workers& workers_;
    Journal& journal_;
    Clock const& clock_;
    Log& log_;
    Timeouts timeouts_;
    std::function<void(std::size_t)> completed_;
    DriverEvents* events_ = nullptr;
    std::stop_token stop_;
    Kinds kinds_;
    std::map<std::string, std::size_t> driver_of_;
    std::vector<Queue> queues_;
};

}  // namespace genesis
