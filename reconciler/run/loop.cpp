// One thread, woken by whatever comes and by the reconciler's next timer.
#include "reconciler/run/loop.hpp"

#include <algorithm>
#include <utility>

namespace genesis {

Loop::Loop(Objects& store, Ledger& ledger, std::vector<AnyDriver*> drivers, Clock const& clock, Log& log,
           ReconcilerSettings settings)
    : log_(log),
      workers_(std::make_unique<ThreadWorkers>(std::move(drivers))),
      reconciler_(store, ledger, *workers_, cache_, clock, log, std::move(settings), [this](std::size_t driver) {
          std::lock_guard lock(mutex_);
          completed_.push_back(driver);
          arrived_.notify_all();
      }) {
    reconciler_.on_pass([this](PassResult const& result) {
        if (!result.full) return;
        std::lock_guard lock(mutex_);
        passed_ = true;
    });
}

Loop::~Loop() {
    stop();
    workers_.reset();
}

void Loop::start() {
    thread_ = std::jthread([this](std::stop_token const& stop) { run(stop); });
}

void Loop::stop() {
    std::vector<std::weak_ptr<std::promise<Plan>>> asked;
    {
        std::lock_guard lock(mutex_);
        stopped_ = true;
        questions_.clear();
        asked = std::move(asked_);
    }
    for (auto const& weak : asked)  // now, not after the call under way
        if (auto const promise = weak.lock()) try {
                promise->set_exception(std::make_exception_ptr(Fault("the daemon is stopping")));
            } catch (std::future_error const&) {  // answered meanwhile
            }
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

std::vector<std::string> Loop::still_busy(std::chrono::milliseconds longest) {
    std::vector<std::string> out;
    for (auto const* driver : workers_->still_busy(longest)) out.emplace_back(driver->name());
    return out;
}

void Loop::wake(Ref const& object, bool reset_backoff) {
    std::lock_guard lock(mutex_);
    auto& reset = woken_[object];
    reset = reset || reset_backoff;
    arrived_.notify_all();
}

void Loop::wake_all(bool reset_backoff) {
    std::lock_guard lock(mutex_);
    woken_all_ = woken_all_.value_or(false) || reset_backoff;
    arrived_.notify_all();
}

std::future<Plan> Loop::ask(std::function<void(Reconciler&, Reconciler::Answer)> question) {
    auto promise = std::make_shared<std::promise<Plan>>();
    auto future = promise->get_future();
    std::lock_guard lock(mutex_);
    if (stopped_) {
        promise->set_exception(std::make_exception_ptr(Fault("the daemon is stopping")));
        return future;
    }
    std::erase_if(asked_, [](auto const& weak) { return weak.expired(); });
    asked_.push_back(promise);
    questions_.emplace_back([promise, question = std::move(question)](Reconciler& reconciler) {
        auto answer = [promise](Plan plan, std::exception_ptr failure) {
            try {
                if (failure)
                    promise->set_exception(std::move(failure));
                else
                    promise->set_value(std::move(plan));
            } catch (std::future_error const&) {  // the loop stopped meanwhile
            }
        };
        try {
            question(reconciler, answer);
        } catch (...) {
            answer({}, std::current_exception());
        }
    });
    arrived_.notify_all();
    return future;
}

std::future<Plan> Loop::examine(std::optional<Ref> object) {
    return ask([object = std::move(object)](Reconciler& reconciler, Reconciler::Answer answer) {
        reconciler.examine(object, std::move(answer));
    });
}

std::future<Plan> Loop::preview(Object object) {
    return ask([object = std::move(object)](Reconciler& reconciler, Reconciler::Answer answer) {
        reconciler.preview(object, std::move(answer));
    });
}

std::vector<std::string> Loop::not_ready() const {
    std::lock_guard lock(mutex_);
    if (stopped_) return {"stopping"};
    if (!passed_) return {"the first full pass is under way"};
    return unreachable_;
}

// Hands over what has come; the lock is open meanwhile.
void Loop::take(std::unique_lock<std::mutex>& lock) {
    auto const woken = std::exchange(woken_, {});
    auto const all = std::exchange(woken_all_, std::nullopt);
    auto const completed = std::exchange(completed_, {});
    auto questions = std::exchange(questions_, {});
    lock.unlock();
    for (auto const& [object, reset] : woken) reconciler_.wake(object, reset);
    if (all) reconciler_.wake_all(*all);
    for (auto const driver : completed) contained([&] { reconciler_.completed(driver); });
    for (auto& question : questions) question(reconciler_);
    contained([&] { reconciler_.advance(); });
    lock.lock();
}

// A defect: nothing that is known fails here. What else has come is handed over all the same.
void Loop::contained(std::function<void()> const& work) {
    try {
        work();
    } catch (std::exception const& error) {
        log_.write(Level::error, "the loop met a defect", {{"why", error.what()}});
        not_before_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    }
}

void Loop::note_state() {
    unreachable_.clear();
    for (auto const& [kind, why] : reconciler_.unreachable()) unreachable_.push_back(kind + ": " + why);
}

void Loop::run(std::stop_token const& stop) {
    reconciler_.stop(stop);
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        take(lock);
        note_state();
        auto const come = [&] { return !woken_.empty() || woken_all_ || !completed_.empty() || !questions_.empty(); };
        auto const next = reconciler_.next_timer();
        auto const timer = std::max(next, not_before_);
        if (timer == Steady::max())
            arrived_.wait(lock, stop, come);
        else
            arrived_.wait_until(lock, stop, timer, come);
    }
}

}  // namespace genesis
