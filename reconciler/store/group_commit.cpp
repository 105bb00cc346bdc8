// The writing thread: BEGIN IMMEDIATE, a savepoint a job, COMMIT, and only then are the callers told.
#include "reconciler/store/group_commit.hpp"

#include <SQLiteCpp/Exception.h>

#include <algorithm>

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

GroupCommit::~GroupCommit() {
    {
        std::lock_guard const lock(mutex_);
        closing_ = true;
    }
    arrived_.notify_one();
    thread_.join();
}

void GroupCommit::wait_for(std::function<void()> work, Keep keep) {
    Job job{std::move(work), keep, nullptr, {}};
    auto durable = job.done.get_future();
    {
        std::lock_guard const lock(mutex_);
        if (closing_) throw Fault("the store is closing");
        waiting_.push_back(&job);
    }
    arrived_.notify_one();
    durable.wait();
    if (job.failure) std::rethrow_exception(job.failure);
}

void GroupCommit::loop() {
    for (auto jobs = take(); !jobs.empty(); jobs = take()) {
        auto const started = std::chrono::steady_clock::now();
        try {
            commit(jobs);
        } catch (SQLite::Exception const& e) {
            auto const fault = std::make_exception_ptr(Fault(std::string("the store cannot write: ") + e.what()));
            for (auto* job : jobs) job->failure = fault;
        }
        Committed const committed{jobs.size(), std::chrono::steady_clock::now() - started};
        for (auto* job : jobs) {
            auto done = std::move(job->done);  // the job is its caller's and may go as soon as that is told
            done.set_value();
        }
        if (after_) after_(committed);
    }
}

// Empty only when the store closes.
std::deque<GroupCommit::Job*> GroupCommit::take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    auto const count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most_at_once));
    std::deque<Job*> jobs(waiting_.begin(), waiting_.begin() + count);
    waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    return jobs;
}

void GroupCommit::commit(std::deque<Job*> const& jobs) {
    now(begin_);
    try {
        for (auto* job : jobs) attempt(*job);
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
