// The loop's thread: gathers wakes that come close together, then runs one pass for all of them.
#include "reconciler/run/loop.hpp"

#include <algorithm>
#include <utility>

namespace genesis {

Loop::Loop(Reconciler& reconciler, Clock const& clock, Log& log, LoopSettings settings)
    : reconciler_(reconciler), clock_(clock), log_(log), settings_(settings), blind_pause_(settings.blind_first) {}

Loop::~Loop() { stop(); }

void Loop::start() {
    full_at_ = clock_.steady();  // a full pass first: whatever happened while nobody watched
    thread_ = std::jthread([this](std::stop_token const& stop) { run(stop); });
}

void Loop::stop() {
    {
        std::lock_guard lock(mutex_);
        stopped_ = true;
        questions_.clear();  // whoever asked is told now, not after the step under way
    }
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void Loop::wake(Ref const& object, bool insist) {
    std::lock_guard lock(mutex_);
    work_.dirty.insert(object);
    if (insist) insisted_.emplace_back(object);
    wake_.notify_all();
}

void Loop::wake_all(bool insist) {
    std::lock_guard lock(mutex_);
    work_.everything = true;
    if (insist) insisted_.emplace_back(std::nullopt);
    wake_.notify_all();
}

std::future<Plan> Loop::ask(std::function<Plan(std::stop_token const&)> question) {
    auto promise = std::make_shared<std::promise<Plan>>();
    auto answer = promise->get_future();
    std::lock_guard lock(mutex_);
    if (stopped_) {
        promise->set_exception(std::make_exception_ptr(Fault("the daemon is stopping")));
        return answer;
    }
    questions_.emplace_back([promise, question = std::move(question)](std::stop_token const& stop) {
        try {
            promise->set_value(question(stop));
        } catch (...) {
            promise->set_exception(std::current_exception());
        }
    });
    wake_.notify_all();
    return answer;
}

std::future<Plan> Loop::examine(std::optional<Ref> object) {
    return ask(
        [this, object = std::move(object)](std::stop_token const& stop) { return reconciler_.examine(object, stop); });
}

std::future<Plan> Loop::preview(Object object) {
    return ask(
        [this, object = std::move(object)](std::stop_token const& stop) { return reconciler_.preview(object, stop); });
}

std::vector<std::string> Loop::not_ready() const {
    std::lock_guard lock(mutex_);
    if (stopped_) return {"stopping"};
    if (!passed_) return {"the first full pass is under way"};
    return blind_;
}

Steady Loop::next_alarm() const { return std::min({full_at_, blind_at_, due_at_.value_or(Steady::max())}); }

// Blocks until there is something to do. Waits a moment longer when it was woken, for what comes right behind.
Loop::Work Loop::next(std::stop_token const& stop) {
    std::unique_lock lock(mutex_);
    auto woken = [&] { return work_.any() || !questions_.empty(); };
    if (auto const alarm = next_alarm(); alarm == Steady::max())
        wake_.wait(lock, stop, woken);
    else
        wake_.wait_until(lock, stop, alarm, woken);
    auto const latest = clock_.steady() + settings_.patience;
    while (!stop.stop_requested() && !work_.dirty.empty() && questions_.empty() && clock_.steady() < latest) {
        auto const before = work_.dirty.size();
        wake_.wait_for(lock, stop, settings_.quiet,
                       [&] { return work_.dirty.size() != before || !questions_.empty(); });
        if (work_.dirty.size() == before) break;
    }
    auto taken = std::exchange(work_, {});
    for (auto const& who : insisted_) reconciler_.retry_now(who);
    insisted_.clear();
    return taken;
}

void Loop::add_due(Work& work) {
    auto const now = clock_.steady();
    if (now >= full_at_ || now >= blind_at_) work.everything = true;
    if (due_at_ && now >= *due_at_) work.dirty.merge(reconciler_.due(clock_.now()));
}

void Loop::run(std::stop_token const& stop) {
    while (!stop.stop_requested()) {
        auto work = next(stop);
        if (stop.stop_requested()) return;
        add_due(work);
        work_off(work, stop);
    }
}

// Those that are there now, one by one: the others can still be told that there will be no answer.
void Loop::answer(std::stop_token const& stop) {
    std::unique_lock lock(mutex_);
    for (auto left = questions_.size(); left > 0 && !questions_.empty(); --left) {
        auto const question = std::move(questions_.front());
        questions_.pop_front();
        lock.unlock();
        question(stop);
        lock.lock();
    }
}

void Loop::work_off(Work const& work, std::stop_token const& stop) {
    answer(stop);
    if (work.everything)
        pass(std::nullopt, stop);
    else if (!work.dirty.empty())
        pass(work.dirty, stop);
    due_at_.reset();
    if (auto due = reconciler_.next_due())
        due_at_ = clock_.steady() + std::max(*due - clock_.now(), Time::duration(100));
}

void Loop::pass(std::optional<Dirty> const& dirty, std::stop_token const& stop) try {
    auto result = reconciler_.pass(dirty, stop);
    // What was done is looked at once more, at once: an object is ready when it was seen to be.
    if (!result.again.empty() && !stop.stop_requested()) result = reconciler_.pass(result.again, stop);
    std::lock_guard lock(mutex_);
    work_.dirty.merge(result.again);
    blind_.clear();
    for (auto const& [kind, why] : reconciler_.blind()) blind_.push_back(kind + ": " + why);
    blind_at_ = Steady::max();
    if (!blind_.empty()) {
        blind_at_ = clock_.steady() + blind_pause_;
        blind_pause_ = std::min(blind_pause_ * 2, settings_.blind_longest);
    } else if (!dirty) {
        blind_pause_ = settings_.blind_first;
    }
    if (!dirty) {
        full_at_ = clock_.steady() + settings_.resync;
        passed_ = true;
    }
} catch (std::exception const& error) {
    log_.write(Level::error, "a pass failed", {{"why", error.what()}});
    full_at_ = clock_.steady() + blind_pause_;  // the store, most likely: everything again, after a pause
    blind_pause_ = std::min(blind_pause_ * 2, settings_.blind_longest);
}

}  // namespace genesis
