// When to run a pass: woken by key, by the clock, by nothing else. One thread owns the reconciler.
#pragma once
#include "reconciler/run/reconciler.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace genesis {

struct LoopSettings {
    std::chrono::milliseconds resync{300000};  // between full passes
    std::chrono::milliseconds quiet{30},
        patience{150};  // wakes closer together than `quiet` share a pass, up to `patience`
    std::chrono::milliseconds blind_first{2000}, blind_longest{60000};  // between looks at a driver that could not see
};

class Loop {
public:
    Loop(Reconciler& reconciler, Clock const& clock, Log& log, LoopSettings settings);
    ~Loop();  // stops

    void start();
    void stop();  // graceful: steps under way end, no new ones begin

    // Level-triggered: a key, never an event. `insist` ends the pauses between attempts, as an operator would.
    void wake(Ref const& object, bool insist);
    void wake_all(bool insist);

    // What a pass would do now, answered by the loop's thread between passes.
    std::future<Plan> examine(std::optional<Ref> object);
    std::future<Plan> preview(Object object);

    [[nodiscard]] std::vector<std::string> not_ready() const;
    Board& board() { return reconciler_.board(); }

private:
    using Task = std::function<void(std::stop_token const&)>;
    struct Work {
        bool everything = false;
        Dirty dirty;
        [[nodiscard]] bool any() const { return everything || !dirty.empty(); }
    };
    void run(std::stop_token const& stop);
    Work next(std::stop_token const& stop);
    void add_due(Work& work);
    void work_off(Work const& work, std::stop_token const& stop);
    void answer(std::stop_token const& stop);
    void pass(std::optional<Dirty> const& dirty, std::stop_token const& stop);
    [[nodiscard]] Steady next_alarm() const;
    std::future<Plan> ask(std::function<Plan(std::stop_token const&)> question);

    Reconciler& reconciler_;
    Clock const& clock_;
    Log& log_;
    LoopSettings settings_;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    Work work_;
    std::deque<Task> questions_;
    std::vector<std::optional<Ref>> insisted_;
    bool stopped_ = false;
    bool passed_ = false;
    std::vector<std::string> blind_;

    Steady full_at_;  // the loop's thread only, from here on
    Steady blind_at_ = Steady::max();
    std::chrono::milliseconds blind_pause_{};
    std::optional<Steady> due_at_;
    std::jthread thread_;
};

}  // namespace genesis
