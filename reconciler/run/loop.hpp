// The thread that owns the reconciler: wakes, questions and ended calls reach it through one queue.
#pragma once
#include "reconciler/run/reconciler.hpp"

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace genesis {

class Loop {
public:
    // All references outlive it. Nothing runs before start().
    Loop(Objects& store, Ledger& ledger, std::vector<AnyDriver*> drivers, Clock const& clock, Log& log,
         ReconcilerSettings settings);
    ~Loop();  // stops, and waits for drivers' calls that are running

    void start();
    void stop();  // calls under way end, no new ones begin; who waits for an answer gets a Fault

    // After stop(): the names of the drivers whose calls go on after so long.
    [[nodiscard]] std::vector<std::string> still_busy(std::chrono::milliseconds longest);

    // From any thread, at once. reset_backoff: the pauses between attempts end, as an operator would.
    void wake(Ref const& object, bool reset_backoff);
    void wake_all(bool reset_backoff);

    // What a pass would do now. See Reconciler::examine() and preview(); Fault when the loop is stopping.
    std::future<Plan> examine(std::optional<Ref> object);
    std::future<Plan> preview(Object object);

    // Why not everything is known of the server; empty when it is.
    [[nodiscard]] std::vector<std::string> not_ready() const;
    StatusCache& status() { return cache_; }

private:
    using Task = std::function<void(Reconciler&)>;
    void run(std::stop_token const& stop);
    void take(std::unique_lock<std::mutex>& lock);
    void contained(std::function<void()> const& work);  // the loop goes on whatever is thrown
    void note_state();
    std::future<Plan> ask(std::function<void(Reconciler&, Reconciler::Answer)> question);

    Log& log_;
    StatusCache cache_;

    mutable std::mutex mutex_;
    std::condition_variable_any arrived_;
    std::map<Ref, bool> woken_;  // and whether their backoff is to be reset
    std::optional<bool> woken_all_;
    std::vector<std::size_t> completed_;  // drivers
    std::vector<Task> questions_;
    std::vector<std::weak_ptr<std::promise<Plan>>> asked_;
    bool stopped_ = false, passed_ = false;
    std::vector<std::string> unreachable_;
    Steady not_before_{};  // of the next timer, after a defect

    std::unique_ptr<ThreadWorkers> workers_;  // ends before what its threads report to
    Reconciler reconciler_;                   // the loop's thread only
    std::jthread thread_;
};

}  // namespace genesis
