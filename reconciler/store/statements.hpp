// Every SQL statement of the store, prepared once a connection, and how one is used.
#pragma once
#include "drivers/context.hpp"
#include "resources/schema/claim.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace genesis {

struct Statements {
    explicit Statements(SQLite::Database& db);

    SQLite::Statement find_object, stamp, objects, objects_of_kind, list_objects;
    SQLite::Statement insert_object, update_object, set_source, set_paused, set_adopt, confirm, terminate, end_grace,
        set_status, delete_object;
    SQLite::Statement insert_reference, delete_references, dependents, dependent_specs;
    SQLite::Statement blocking, blocked_between, highest, loads, holdings_of, missing;
    SQLite::Statement insert_allocation, delete_free_again, release_allocation, delete_allocation, delete_allocations,
        release_allocations, prune_allocations;
    SQLite::Statement insert_credential, credentials, delete_credentials;
    SQLite::Statement records, insert_record, save_record, delete_record;
    SQLite::Statement insert_history, set_outcome, interrupt, prune, history, history_of;
    SQLite::Statement counter, set_counter, consume, forget_nonces;
    SQLite::Statement insert_key, keys, expire_key, revoke_key;
    SQLite::Statement insert_audit, audit, prune_audit, insert_event, events, newest_event, prune_events;
};

// One use of a prepared statement: binds ?1, ?2 … in order, and resets it at the end, so that no read lock stays.
class Use {
public:
    template <class... A>
    explicit Use(SQLite::Statement& statement, A const&... arguments) : statement_(statement) {
        statement_.tryReset();
        int index = 0;
        (bind(++index, arguments), ...);
    }
    ~Use() { statement_.tryReset(); }
    Use(Use const&) = delete;
    Use& operator=(Use const&) = delete;

    bool row() { return statement_.executeStep(); }
    // For statements without rows: how many rows of a table they changed.
    int run() { return statement_.exec(); }

    [[nodiscard]] std::string text(int column) const { return statement_.getColumn(column).getString(); }
    [[nodiscard]] std::int64_t integer(int column) const { return statement_.getColumn(column).getInt64(); }
    [[nodiscard]] bool flag(int column) const { return integer(column) != 0; }
    [[nodiscard]] bool null(int column) const { return statement_.getColumn(column).isNull(); }
    [[nodiscard]] Value value(int column) const {
        if (statement_.getColumn(column).isInteger()) return integer(column);
        return text(column);
    }
    [[nodiscard]] Ref ref(int column) const { return {text(column), text(column + 1)}; }
    [[nodiscard]] Time time(int column) const { return Time(std::chrono::milliseconds(integer(column))); }
    [[nodiscard]] std::optional<Time> maybe_time(int column) const {
        if (null(column)) return std::nullopt;
        return time(column);
    }

private:
    // Texts are not copied: what is bound must outlive the use.
    void bind(int index, std::string const& text) { statement_.bindNoCopy(index, text); }
    void bind(int index, char const* text) { statement_.bindNoCopy(index, text); }
    void bind(int index, std::int64_t number) { statement_.bind(index, number); }
    void bind(int index, int number) { statement_.bind(index, number); }
    void bind(int index, bool value) { statement_.bind(index, value ? 1 : 0); }
    void bind(int index, Time time) { statement_.bind(index, std::int64_t{time.time_since_epoch().count()}); }
    void bind(int index, Value const& value) {
        std::visit([&](auto const& held) { bind(index, held); }, value);
    }
    template <class T>
    void bind(int index, std::optional<T> const& given) {
        if (given) {
            bind(index, *given);
        } else {
            statement_.bind(index);
        }
    }
    SQLite::Statement& statement_;
};

// read(row) of each row.
template <class F>
auto rows(Use row, F const& read) {
    std::vector<decltype(read(row))> out;
    while (row.row()) out.push_back(read(row));
    return out;
}

}  // namespace genesis
