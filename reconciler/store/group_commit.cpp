// The writing thread: BEGIN IMMEDIATE, a savepoint a job, COMMIT, and only then do the callers have their results.
#include "reconciler/store/group_commit.hpp"

#include <SQLiteCpp/Exception.h>

#include <future>
#include <iterator>
#include <utility>

namespace genesis {
namespace {

constexpr std::size_t most_at_once = 1000;  // bounds the WAL and the wait of the first caller

}  // namespace

GroupCommit::GroupCommit(SQLite::Database& db, std::function<void(Committed const&)> after)
    : db_(db),
      begin_(db, "BEGIN IMMEDIATE"),
      save_(db, "SAVEPOINT job"),
      undo_(db, "ROLLBACK TO job"),
      keep_(db, "RELEASE job"),
      commit_(db, "COMMIT"),
      after_(std::move(after)),
      thread_([this] { loop(); }) {}

void GroupCommit::close() {
    {
        std::lock_guard const lock(mutex_);
        closing_ = true;
    }
    arrived_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void GroupCommit::add(Job job) {
    {
        std::lock_guard const lock(mutex_);
        if (closing_) throw Fault("the store is closing");
        waiting_.push_back(std::move(job));
    }
    arrived_.notify_one();
}

void GroupCommit::wait_for(std::function<void()> work, Keep keep) {
    auto const durable =
        std::make_shared<std::promise<void>>();  // the waiting caller may be gone before the promise is
    add({std::move(work), keep, [durable](std::exception_ptr failure) {
             if (failure) {
                 durable->set_exception(std::move(failure));
             } else {
                 durable->set_value();
             }
         }});
    durable->get_future().get();
}

void GroupCommit::loop() {
    for (auto jobs = take(); !jobs.empty(); jobs = take()) {
        auto const started = std::chrono::steady_clock::now();
        try {
            commit(jobs);
        } catch (SQLite::Exception const& e) {
            auto const fault = std::make_exception_ptr(Fault(std::string("the store cannot write: ") + e.what()));
            for (auto& job : jobs) job.failure = fault;
        }
        Committed const committed{jobs.size(), std::chrono::steady_clock::now() - started};
        if (after_) after_(committed);
        for (auto& job : jobs) job.done(std::move(job.failure));
    }
}

// Empty only when the store closes.
std::vector<GroupCommit::Job> GroupCommit::take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    if (waiting_.size() <= most_at_once) return std::exchange(waiting_, {});
    auto const end = waiting_.begin() + static_cast<std::ptrdiff_t>(most_at_once);
    std::vector<Job> jobs(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return jobs;
}

void GroupCommit::commit(std::vector<Job>& jobs) {
    now(begin_);
    try {
        for (auto& job : jobs) attempt(job);
        now(commit_);
    } catch (SQLite::Exception const&) {
        db_.tryExec("ROLLBACK");  // SQLite may have rolled back by itself: then this only says so
        throw;
    }
}

void GroupCommit::now(SQLite::Statement& statement) {
    statement.tryReset();
    statement.exec();
}

// Throws only when the transaction as a whole is lost.
void GroupCommit::attempt(Job& job) {
    now(save_);
    try {
        job.work();
    } catch (SQLite::Exception const& e) {
        job.failure = std::make_exception_ptr(Fault(std::string("the store failed: ") + e.what()));
    } catch (...) {
        job.failure = std::current_exception();
    }
    if (job.failure || job.keep == Keep::no) now(undo_);
    now(keep_);
}

}  // namespace genesis
