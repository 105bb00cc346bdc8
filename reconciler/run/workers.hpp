// Where the drivers' calls run: one thread for each driver, so that one that hangs holds up nobody else.
#pragma once
#include "drivers/driver.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace genesis {

// A port: the simulation runs the calls in an order of its own.
struct Workers {
    using Job = std::function<void(AnyDriver&)>;
    virtual ~Workers() = default;
    [[nodiscard]] virtual std::vector<AnyDriver*> const& drivers() const = 0;
    // Calls job(driver) and then `ended`, on any thread. Precondition: the driver's last job has ended.
    virtual void run(std::size_t driver, Job job, std::function<void()> ended) = 0;
};

class ThreadWorkers final : public Workers {
public:
    // The drivers outlive it. Its end waits for jobs that are running.
    explicit ThreadWorkers(std::vector<AnyDriver*> drivers) : drivers_(std::move(drivers)) {
        for (auto* driver : drivers_) threads_.push_back(std::make_unique<Thread>(*driver));
    }
    [[nodiscard]] std::vector<AnyDriver*> const& drivers() const override { return drivers_; }
    void run(std::size_t driver, Job job, std::function<void()> ended) override {
        threads_[driver]->submit(std::move(job), std::move(ended));
    }
    // The drivers whose calls go on after so long.
    [[nodiscard]] std::vector<AnyDriver*> still_busy(std::chrono::milliseconds longest) {
        auto const until = std::chrono::steady_clock::now() + longest;
        std::vector<AnyDriver*> out;
        for (auto& thread : threads_)
            if (!thread->idle_by(until)) out.push_back(&thread->driver());
        return out;
    }

private:
    class Thread {
    public:
        explicit Thread(AnyDriver& driver)
            : driver_(driver), thread_([this](std::stop_token const& stop) { loop(stop); }) {}
        void submit(Job job, std::function<void()> ended) {
            std::lock_guard lock(mutex_);
            task_ = Task{std::move(job), std::move(ended)};
            busy_ = true;
            arrived_.notify_all();
        }
        [[nodiscard]] AnyDriver& driver() const { return driver_; }
        [[nodiscard]] bool idle_by(std::chrono::steady_clock::time_point until) {
            std::unique_lock lock(mutex_);
            return done_.wait_until(lock, until, [&] { return !busy_; });
        }

    private:
        struct Task {
            Job job;
            std::function<void()> ended;
        };
        void loop(std::stop_token const& stop) {
            std::unique_lock lock(mutex_);
            while (arrived_.wait(lock, stop, [&] { return task_.has_value(); })) {
                auto task = std::move(*task_);
                task_.reset();
                lock.unlock();
                task.job(driver_);
                task.job = nullptr;
                task.ended();
                lock.lock();
                busy_ = task_.has_value();
                done_.notify_all();
            }
        }
        AnyDriver& driver_;
        std::mutex mutex_;
        std::condition_variable_any arrived_;
        std::condition_variable done_;
        std::optional<Task> task_;
        bool busy_ = false;
        std::jthread thread_;  // last: it uses the others
    };
    std::vector<AnyDriver*> drivers_;
    std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace genesis
