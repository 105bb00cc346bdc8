// One SQLite file: one thread writes in groups, readers see the last commit.
#pragma once
#include "reconciler/store/group_commit.hpp"
#include "reconciler/store/statements.hpp"

#include <SQLiteCpp/Exception.h>

#include <array>
#include <atomic>
#include <mutex>

namespace genesis {

class StoreDatabase {
public:
    // Opens or makes the file and brings its schema up to date. Throws Fault. The clock outlives it.
    StoreDatabase(std::string const& path, std::string node, Clock const& clock);

    [[nodiscard]] std::string const& node() const { return node_; }
    [[nodiscard]] Clock const& clock() const { return clock_; }

    // As GroupCommit has them: `work` runs on the writing thread, where it uses sql().
    template <class F>
    auto run(F&& work) {
        return commit_.run(std::forward<F>(work));
    }
    template <class F>
    auto dry_run(F&& work) {
        return commit_.dry_run(std::forward<F>(work));
    }
    template <class F, class T>
    void post(F work, std::function<void(std::exception_ptr, T)> completion) {
        commit_.post(std::move(work), std::move(completion));
    }
    // Inside the transaction under way.
    Statements& sql() { return sql_; }
    std::int64_t last_id() { return writer_.getLastInsertRowid(); }
    std::int64_t counter(std::string const& name) { return counter_in(sql_, name); }
    void set_counter(std::string const& name, std::int64_t value) { Use(sql_.set_counter, node_, name, value).run(); }

    // Runs look(sql) over the last commit, or inside the transaction under way when the writing thread asks. Of one row
    // or a few; what reads many does so on a connection of its own, so that it holds up nobody who puts.
    template <class F>
    auto read(F const& look) {
        return read_on(few_[next_few_++ % few_.size()], look);
    }
    template <class F>
    auto read_many(F const& look) {
        return read_on(many_, look);
    }
    std::int64_t read_counter(std::string const& name);

    // Called on the writing thread after each commit, before its callers have their results; must return at once.
    void on_commit(std::function<void(GroupCommit::Committed const&)> listener) {
        std::lock_guard const lock(listeners_mutex_);
        listeners_.push_back(std::move(listener));
    }
    // What waits is written; nothing can be written any more.
    void close() { commit_.close(); }

private:
    // A connection that sees the last commit; one look at a time.
    struct Reader {
        explicit Reader(std::string const& path);
        SQLite::Database db;
        Statements sql;
        std::mutex mutex;
    };
    template <class F>
    auto read_on(Reader& reader, F const& look) {
        if (commit_.is_writing_thread()) return look(sql_);
        std::lock_guard const lock(reader.mutex);
        try {
            return look(reader.sql);
        } catch (SQLite::Exception const& e) {
            throw Fault(std::string("the store cannot be read: ") + e.what());
        }
    }
    [[nodiscard]] std::int64_t counter_in(Statements& sql, std::string const& name) const {
        Use row(sql.counter, node_, name);
        return row.row() ? row.integer(0) : 0;
    }

    std::string const node_;
    Clock const& clock_;
    SQLite::Database writer_;
    Statements sql_;
    std::array<Reader, 4> few_;  // in turn
    std::atomic<std::size_t> next_few_ = 0;
    Reader many_;
    std::mutex listeners_mutex_;
    std::vector<std::function<void(GroupCommit::Committed const&)>> listeners_;
    GroupCommit commit_;  // last: its thread ends before what it uses
};

}  // namespace genesis
