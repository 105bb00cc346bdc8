// One thread for each driver: whoever hangs holds up nobody else.
#pragma once
#include "drivers/driver.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace genesis {

// Runs one job at a time. A job that does not come back keeps the worker busy; nobody waits for it but the destructor.
class Worker {
public:
    explicit Worker(AnyDriver& driver) : driver_(driver), thread_([this](std::stop_token const& stop) { run(stop); }) {}
    ~Worker() {
        thread_.request_stop();
        wake_.notify_all();
    }
    Worker(Worker const&) = delete;
    Worker& operator=(Worker const&) = delete;

    using Job = std::function<void(AnyDriver&)>;

    // Calls job(driver), and then(), when the worker is free again. False when the last job has not come back yet; the
    // job is not taken then.
    bool submit(Job job, std::function<void()> then) {
        std::lock_guard lock(mutex_);
        if (task_ || working_) return false;
        task_ = Task{std::move(job), std::move(then)};
        wake_.notify_all();
        return true;
    }
    [[nodiscard]] AnyDriver const& driver() const { return driver_; }

private:
    void run(std::stop_token const& stop) {
        std::unique_lock lock(mutex_);
        while (wake_.wait(lock, stop, [&] { return task_.has_value(); })) {
            auto task = std::move(*task_);
            task_.reset();
            working_ = true;
            lock.unlock();
            task.job(driver_);
            task.job = nullptr;
            lock.lock();
            working_ = false;
            lock.unlock();
            task.then();
            lock.lock();
        }
    }

    struct Task {
        Job job;
        std::function<void()> then;
    };

    AnyDriver& driver_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::optional<Task> task_;
    bool working_ = false;
    std::jthread thread_;
};

}  // namespace genesis
