// The store on one SQLite file: one thread writes in groups, readers see the last commit.
#pragma once
#include "reconciler/store/claims.hpp"
#include "reconciler/store/group_commit.hpp"
#include "reconciler/store/sealed_spec.hpp"
#include "reconciler/store/statements.hpp"

#include <SQLiteCpp/Exception.h>

#include <atomic>
#include <mutex>

namespace genesis {

class SqliteStore final : public Store {
public:
    // Opens or makes the file, brings its schema up to date and closes the history of a daemon that died. Throws Fault.
    SqliteStore(std::string const& path, std::string node, Vault vault, Clock const& clock, Numbers numbers);

    Stored<Written> put(PutRequest const& request) override;
    Stored<Object> rehearse(PutRequest const& request) override;
    Stored<Written> remove(Ref const& ref, bool purge, std::string const& source) override;
    Stored<Written> set_source(Ref const& ref, std::string const& source) override;
    Stored<Written> set_paused(Ref const& ref, bool paused) override;
    Stored<Written> set_adopt(Ref const& ref, bool adopt) override;
    Stored<Written> confirm_removals(Ref const& ref) override;
    void forget(Ref const& ref) override;

    std::optional<Object> find(Ref const& ref) override;
    std::vector<Object> objects(std::string const& kind) override;
    std::vector<Object> list(std::string const& kind, std::string const& after, std::size_t limit) override;
    void set_status(Ref const& ref, std::int64_t observed_generation,
                    std::vector<Condition> const& conditions) override;

    std::vector<RecordState> records() override;
    void save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) override;

    void intend(std::span<AnyStep const> steps, std::span<std::string const> causes) override;
    void record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) override;
    std::vector<HistoryEntry> history(std::optional<Ref> const& object, std::int64_t before,
                                      std::size_t limit) override;

    std::map<std::string, Secret> take_credentials(Ref const& ref) override;
    bool healthy() override;

private:
    struct Row {
        Object object;
        std::string sealed;
    };
    static Row read_object(Use& row);
    Object opened(Row row) const;
    std::optional<Object> find_in(Statements& sql, Ref const& ref) const;

    // On the writing thread, inside its transaction.
    Stored<Written> put_now(PutRequest const& request);
    Stored<Written> store_spec(PutRequest const& request, Object const* former, json::object spec);
    void keep_credentials(PutRequest const& request);
    Stored<Written> remove_now(Ref const& ref, bool purge, std::string const& source);
    std::optional<StoreRefusal> package_in_use(Ref const& ref);
    void prune_sometimes(std::size_t lines);

    // Runs set(sql), and says what the object's generation is; not_found when there is no such object.
    template <class F>
    Stored<Written> change_row(Ref const& ref, F const& set);
    // Runs look(sql) over the last commit, or inside the transaction under way when the writing thread asks.
    template <class F>
    auto read(F const& look);

    std::string const node_;
    Vault const vault_;
    Clock const& clock_;
    Numbers const numbers_;
    SQLite::Database writer_, reader_;
    Statements sql_, reading_sql_;
    std::mutex reading_;
    std::mutex under_way_mutex_;
    std::map<Ref, std::int64_t> under_way_;  // record → its history line without an outcome
    std::atomic<std::size_t> lines_since_prune_ = 0;
    GroupCommit commit_;  // last: its thread ends before what it uses
};

template <class F>
auto SqliteStore::read(F const& look) {
    if (commit_.is_writing_thread()) return look(sql_);
    std::lock_guard const lock(reading_);
    try {
        return look(reading_sql_);
    } catch (SQLite::Exception const& e) {
        throw Fault(std::string("the store cannot be read: ") + e.what());
    }
}

}  // namespace genesis
