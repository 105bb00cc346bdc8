// The objects on SQLite: stored whole, with what they refer to and what they were given, in one transaction.
#pragma once
#include "drivers/secrets/vault.hpp"
#include "reconciler/store/free_numbers.hpp"
#include "reconciler/store/nonces.hpp"
#include "reconciler/store/objects.hpp"
#include "reconciler/store/sqlite_allocations.hpp"
#include "reconciler/store/sqlite_trail.hpp"

#include <map>
#include <memory>
#include <set>

namespace genesis {

class SqliteObjects : public Objects {
public:
    // StoreDatabase and trail outlive it, and so do the kinds, the only ones that can be stored. What waits to be
    // written uses it: close the database before it goes.
    SqliteObjects(StoreDatabase& db, SqliteTrail& trail, Vault vault, Ranges ranges, std::span<ObjectKind const> kinds,
                  NamesBeneath beneath);

    Stored<Written> put(PutRequest const& request) override;
    void put(PutRequest request, Completion<Stored<Written>> completion) override;
    Stored<Object> dry_run(PutRequest const& request) override;
    Stored<Written> remove(Ref const& ref, std::optional<bool> purge, std::string const& source, Actor* actor = nullptr,
                           std::optional<std::int64_t> if_match = {}) override;
    void end_graces(std::span<std::pair<Ref, std::int64_t> const> objects) override;
    Stored<std::optional<Object>> remove_dry_run(Ref const& ref, std::optional<bool> purge, std::string const& source,
                                                 std::optional<std::int64_t> if_match = {}) override;
    Stored<Written> set_source(Ref const& ref, std::string const& source, Actor* actor = nullptr) override;
    Stored<Written> set_paused(Ref const& ref, bool paused, Actor* actor = nullptr) override;
    Stored<Written> set_adopt(Ref const& ref, bool adopt, Actor* actor = nullptr) override;
    Stored<Written> confirm_removals(Ref const& ref, Actor* actor = nullptr) override;
    bool set_all_paused(bool paused, Actor& actor) override;
    bool all_paused() override;
    bool forget(Ref const& ref, std::optional<std::int64_t> generation = {}) override;

    std::optional<Object> find(Ref const& ref) override;
    std::vector<Object> objects(std::string const& kind) override;
    std::vector<Object> list(std::string const& kind, std::string const& after, std::size_t limit) override;
    Versions set_statuses(std::span<StatusUpdate const> updates) override;
    std::vector<Ref> dependents(Ref const& ref) override;
    std::vector<Ref> allocate_missing() override;
    Stored<std::map<std::string, Secret>> take_credentials(Ref const& ref, Actor* actor = nullptr) override;
    std::int64_t version() override;
    std::optional<std::string> unhealthy() override;

private:
    struct Row {
        Object object;
        std::string sealed;
    };
    static Row read_object(Use const& row);
    Object opened(Row row) const;
    std::vector<Object> opened(std::vector<Row> rows) const;
    void set_status_now(StatusUpdate const& update);
    std::optional<Row> find_row(Statements& sql, Ref const& ref) const;
    std::optional<Object> find_in(Statements& sql, Ref const& ref) const;
    [[nodiscard]] ObjectKind const& kind_of(Ref const& ref) const;
    [[nodiscard]] std::vector<Claim> claims_of(Ref const& ref, json::object const& spec) const;

    // What distinguishes one state of a stored object from another, as far as a put is concerned.
    struct Stamp {
        std::int64_t generation = 0;
        std::string source;
        Time created{};
        bool purge = false;
        bool operator==(Stamp const&) const = default;
    };
    static Stamp stamp_of(Object const& object);
    struct Draft;
    Stored<Draft> draft(PutRequest const& request, Object const* former, PutRequest::Find const& find) const;
    std::optional<StoreRefusal> too_little(Ref const& ref, json::object const& spec, Object const* former) const;
    std::shared_ptr<Draft const> prepared(PutRequest const& request);
    std::shared_ptr<Object const> look_at(Ref const& ref);
    void expect_numbers(Ref const& ref);

    // On the writing thread, inside its transaction.
    std::optional<Stamp> stamp_in(Statements& sql, Ref const& ref) const;
    bool still_stands(Ref const& ref, Draft const& draft);
    Stored<Written> put_now(PutRequest const& request, Draft const* ready);
    Stored<Written> write(PutRequest const& request, Draft const& draft);
    Stored<Written> write_spec(PutRequest const& request, Draft const& draft);
    void write_references(Ref const& ref, Draft const& draft);
    Stored<Written> remove_now(Ref const& ref, std::optional<bool> purge, std::string const& source, Actor* actor,
                               std::optional<std::int64_t> if_match);
    std::optional<StoreRefusal> in_use(Ref const& ref);
    Decision decide(Ref const& ref, std::vector<Claim> const& claims, bool stored);
    Supply supply_for(std::vector<Claim> const& claims);
    bool give_missing(Ref const& ref);

    // Runs set(sql), and says what the object's generation is; not_found when there is no such object.
    template <class F>
    Stored<Written> change_row(Ref const& ref, std::string const& action, Actor* actor, F const& set);

    StoreDatabase& db_;
    SqliteTrail& trail_;
    Nonces nonces_;
    Vault const vault_;
    std::span<ObjectKind const> const kinds_;
    std::map<std::string, FreeNumbers> free_numbers_;  // by space, where the machine is asked
    Ranges ranges_;
    NamesBeneath const beneath_;
    std::mutex health_mutex_;
    std::optional<Steady> health_seen_;
    std::optional<std::string> unhealthy_;  // as it was then
    std::mutex looked_at_mutex_;
    std::map<Ref, std::shared_ptr<Object const>> looked_at_;  // what puts look at again and again, as it lately was
};

StoreRefusal replayed();
StoreRefusal owned(std::string const& source);
// Where a generation was wanted and another one, or nothing, is stored.
std::optional<StoreRefusal> refuse_generation(std::optional<std::int64_t> wanted, Object const* stored);
// The source of an object stands for itself where no request does.
Actor origin_of(Actor const* actor, std::string const& source);

}  // namespace genesis
