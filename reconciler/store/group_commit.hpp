// One thread that writes: whatever waits goes into one transaction, so that many callers share one fsync.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/store/completion.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

namespace genesis {

// The database is used by the writing thread alone from construction on.
class GroupCommit {
public:
    struct Committed {
        std::size_t jobs = 0;  // that shared the transaction
        std::chrono::steady_clock::duration took{};
    };
    // `after` runs on the writing thread after each commit, before its callers have their results.
    explicit GroupCommit(SQLite::Database& db, std::function<void(Committed const&)> after = {});
    ~GroupCommit() { close(); }
    void close();  // what waits is still written, and nothing else after it
    GroupCommit(GroupCommit const&) = delete;
    GroupCommit& operator=(GroupCommit const&) = delete;

    // Runs `work` on the writing thread, in a savepoint of a transaction it may share, and returns what it returned
    // once that is on disk. What it throws is thrown here, with nothing of it written. Fault when the commit fails.
    template <class F>
    auto run(F&& work) {
        using Result = std::invoke_result_t<F&>;
        if constexpr (std::is_void_v<Result>) {
            wait_for(std::ref(work), Keep::yes);
        } else {
            std::optional<Result> result;
            wait_for([&] { result.emplace(work()); }, Keep::yes);
            return std::move(*result);
        }
    }
    // The same, but whatever `work` wrote is undone: to see what would come of it.
    template <class F>
    auto dry_run(F&& work) {
        std::optional<std::invoke_result_t<F&>> result;
        wait_for([&] { result.emplace(work()); }, Keep::no);
        return std::move(*result);
    }
    // As run() does, but returns at once: completes on the writing thread.
    template <class F, class Result = std::invoke_result_t<F&>>
    void post(F work, Completion<Result> completion) {
        auto const result = std::make_shared<std::optional<Result>>();
        add({[result, work = std::move(work)]() mutable { result->emplace(work()); }, Keep::yes,
             [result, completion = std::move(completion)](std::exception_ptr failure) {
                 completion(failure, failure ? Result() : std::move(**result));
             }});
    }
    [[nodiscard]] bool is_writing_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

private:
    enum class Keep { yes, no };
    struct Job {
        std::function<void()> work;
        Keep keep;
        std::function<void(std::exception_ptr)> done;
        std::exception_ptr failure{};
    };
    void add(Job job);
    void wait_for(std::function<void()> work, Keep keep);
    void loop();
    std::vector<Job> take();
    void commit(std::vector<Job>& jobs);
    void attempt(Job& job);

    void now(SQLite::Statement& statement);

    SQLite::Database& db_;
    SQLite::Statement begin_, save_, undo_, keep_, commit_;
    std::function<void(Committed const&)> const after_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Job> waiting_;
    bool closing_ = false;
    std::thread thread_;
};

}  // namespace genesis
