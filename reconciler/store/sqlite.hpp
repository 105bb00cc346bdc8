// The store on one SQLite file: one thread writes in groups, readers see the last commit.
#pragma once
#include "reconciler/store/claims.hpp"
#include "reconciler/store/group_commit.hpp"
#include "reconciler/store/keys.hpp"
#include "reconciler/store/sealed_spec.hpp"
#include "reconciler/store/statements.hpp"
#include "reconciler/store/trail.hpp"

#include <SQLiteCpp/Exception.h>

#include <array>
#include <atomic>
#include <mutex>

namespace genesis {

class SqliteStore final : public Store, public Keys, public Trail {
public:
    // Opens or makes the file, brings its schema up to date and closes the history of a daemon that died. Throws Fault.
    SqliteStore(std::string const& path, std::string node, Vault vault, Clock const& clock, Numbers numbers);

    Stored<Written> put(PutRequest const& request) override;
    void put(PutRequest request, Told<Stored<Written>> told) override;
    Stored<Object> rehearse(PutRequest const& request) override;
    Stored<Written> remove(Ref const& ref, bool purge, std::string const& source, Origin* by = nullptr,
                           std::optional<std::int64_t> if_match = {}) override;
    Stored<std::optional<Object>> rehearse_remove(Ref const& ref, bool purge, std::string const& source,
                                                  std::optional<std::int64_t> if_match = {}) override;
    Stored<Written> set_source(Ref const& ref, std::string const& source, Origin* by = nullptr) override;
    Stored<Written> set_paused(Ref const& ref, bool paused, Origin* by = nullptr) override;
    Stored<Written> set_adopt(Ref const& ref, bool adopt, Origin* by = nullptr) override;
    Stored<Written> confirm_removals(Ref const& ref, Origin* by = nullptr) override;
    bool set_all_paused(bool paused, Origin& by) override;
    bool all_paused() override;
    void forget(Ref const& ref) override;

    std::optional<Object> find(Ref const& ref) override;
    std::vector<Object> objects(std::string const& kind) override;
    std::vector<Object> list(std::string const& kind, std::string const& after, std::size_t limit) override;
    void set_statuses(std::span<StatusUpdate const> updates) override;

    std::vector<RecordState> records() override;
    void save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) override;

    void intend(std::span<AnyStep const> steps, std::span<std::string const> causes) override;
    void record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) override;
    std::vector<HistoryEntry> history(std::optional<Ref> const& object, std::int64_t before,
                                      std::size_t limit) override;

    Stored<std::map<std::string, Secret>> take_credentials(Ref const& ref, Origin* by = nullptr) override;
    std::int64_t version() override;
    bool healthy() override;

    bool add_key(ApiKey const& key, Origin const& by) override;
    std::vector<ApiKey> keys() override;
    bool expire_key(std::string const& kid, Time at, Origin const& by) override;
    std::optional<ApiKey> rotate_key(std::string const& kid, Secret const& secret, Time former_end,
                                     Origin const& by) override;
    bool revoke_key(std::string const& kid, Origin const& by) override;
    std::int64_t keys_version() override;
    bool spend(Origin& by) override;
    void spend(Origin& by, Told<bool> told) override;

    std::vector<AuditEntry> audit(std::int64_t before, std::size_t limit) override;
    std::vector<Event> events(std::int64_t after, std::size_t limit) override;
    Range event_range() override;
    EventFan::Subscription on_events(std::function<void()> listener) override;
    std::int64_t cursor(std::string const& name) override;
    void set_cursor(std::string const& name, std::int64_t seq) override;

    // Called on the writing thread after each commit; must return at once. Set it before the store is shared.
    void on_commit(std::function<void(GroupCommit::Committed const&)> listener) { committed_ = std::move(listener); }

private:
    struct Row {
        Object object;
        std::string sealed;
    };
    static Row read_object(Use& row);
    Object opened(Row row) const;
    std::vector<Object> opened(std::vector<Row> rows) const;
    void set_status_now(StatusUpdate const& update);
    std::optional<Row> find_row(Statements& sql, Ref const& ref) const;
    std::optional<Object> find_in(Statements& sql, Ref const& ref) const;

    // What tells one state of a stored object from another, as far as a put is concerned.
    struct Stamp {
        std::int64_t generation = 0;
        std::string source;
        Time created{};
        bool operator==(Stamp const&) const = default;
    };
    static Stamp stamp_of(Object const& object);
    struct Draft;
    Stored<Draft> draft(PutRequest const& request, Object const* former, PutRequest::Find const& find) const;
    std::shared_ptr<Draft const> prepared(PutRequest const& request);
    std::shared_ptr<Object const> look_at(Ref const& ref);
    void expect_number(Ref const& ref);

    // On the writing thread, inside its transaction.
    std::optional<Stamp> stamp_in(Statements& sql, Ref const& ref) const;
    bool still_stands(Ref const& ref, Draft const& draft);
    Stored<Written> put_now(PutRequest const& request, Draft const* ready);
    Stored<Written> write(PutRequest const& request, Draft const& draft);
    Stored<Written> write_spec(PutRequest const& request, Draft const& draft);
    Stored<Written> remove_now(Ref const& ref, bool purge, std::string const& source, Origin* by,
                               std::optional<std::int64_t> if_match);
    std::optional<StoreRefusal> package_in_use(Ref const& ref);
    void prune_sometimes(std::size_t lines);

    // Runs set(sql), and says what the object's generation is; not_found when there is no such object.
    template <class F>
    Stored<Written> change_row(Ref const& ref, std::string const& action, Origin* by, F const& set);

    // False when the nonce was spent before, or may have been.
    bool spend_now(Origin* by);
    void prune_nonces(std::int64_t newest, std::int64_t horizon);
    void announce(GroupCommit::Committed const& committed);
    std::int64_t mark(std::string const& name);
    void set_mark(std::string const& name, std::int64_t value);
    // Runs change() in a commit of its own and counts it once it is durable, unless it says that there was nothing.
    template <class F>
    bool change_keys(F const& change);
    bool insert_key(ApiKey const& key);
    void note(Origin const& by, std::string const& action, Ref const& ref, std::int64_t generation,
              std::string const& changes = "[]");
    void tell(std::string const& type, Ref const& ref, std::int64_t generation, Origin const& by,
              std::string const& why = "");
    // A connection that sees the last commit; one look at a time.
    struct Reader {
        explicit Reader(std::string const& path);
        SQLite::Database db;
        Statements sql;
        std::mutex mutex;
    };
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
    template <class F>
    auto read_on(Reader& reader, F const& look);

    std::string const node_;
    Vault const vault_;
    Clock const& clock_;
    FreeNumbers free_numbers_;
    Numbers const numbers_;
    SQLite::Database writer_;
    Statements sql_;
    std::array<Reader, 4> few_;  // in turn
    std::atomic<std::size_t> next_few_ = 0;
    Reader many_;
    std::mutex looked_at_mutex_;
    std::map<Ref, std::shared_ptr<Object const>> looked_at_;  // what puts look at again and again, as it lately was
    std::mutex under_way_mutex_;
    std::map<Ref, std::int64_t> under_way_;  // record → its history line without an outcome
    std::atomic<std::size_t> lines_since_prune_ = 0;
    std::atomic<std::int64_t> keys_version_ = 0;  // only rises
    std::atomic<Steady> keys_looked_{};           // when the version was last read from the file
    bool told_ = false;                           // the writing thread only: events were written since the last commit
    EventFan listeners_;
    std::function<void(GroupCommit::Committed const&)> committed_;
    GroupCommit commit_;  // last: its thread ends before what it uses
};

StoreRefusal replayed();
StoreRefusal owned(std::string const& source);
// Where a generation was wanted and another one, or nothing, is stored.
std::optional<StoreRefusal> refuse_generation(std::optional<std::int64_t> wanted, Object const* stored);
// Whoever keeps an object stands for itself where no request does.
Origin origin_of(Origin const* by, std::string const& source);

template <class F>
auto SqliteStore::read_on(Reader& reader, F const& look) {
    if (commit_.is_writing_thread()) return look(sql_);
    std::lock_guard const lock(reader.mutex);
    try {
        return look(reader.sql);
    } catch (SQLite::Exception const& e) {
        throw Fault(std::string("the store cannot be read: ") + e.what());
    }
}

}  // namespace genesis
