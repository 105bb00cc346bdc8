// Records and history: an intent is on disk before the machine changes, its outcome after.
#include "reconciler/store/sqlite_ledger.hpp"

#include <limits>
#include <stdexcept>

namespace genesis {
namespace {

constexpr std::int64_t history_most = 100000;
constexpr std::chrono::hours history_age{24 * 30};
constexpr std::size_t prune_every = 1000;  // history lines

RecordState read_record(Use const& row) {
    RecordState r;
    r.ref = row.ref(0);
    r.object = row.ref(2);
    r.in_sync_value = static_cast<std::uint64_t>(row.integer(4));
    r.refused_value = static_cast<std::uint64_t>(row.integer(5));
    r.attempts = static_cast<int>(row.integer(6));
    r.next_attempt = row.maybe_time(7);
    r.error = row.text(8);
    r.since = row.time(9);
    return r;
}

HistoryEntry read_history(Use const& row) {
    HistoryEntry h;
    h.id = row.integer(0);
    h.at = row.time(1);
    h.object = row.ref(2);
    h.ref = row.ref(4);
    h.verb = row.text(6);
    h.cause = row.text(7);
    h.changes = json::parse(row.text(8)).as_array();
    h.outcome = row.text(9);
    h.why = row.text(10);
    h.request = row.text(11);
    return h;
}

}  // namespace

SqliteLedger::SqliteLedger(StoreDatabase& db) : db_(db) {
    db_.run([&] { Use(db_.sql().interrupt, db_.node()).run(); });
}

std::vector<RecordState> SqliteLedger::records() {
    return db_.read_many([&](Statements& sql) { return rows(Use(sql.records, db_.node()), read_record); });
}

void SqliteLedger::save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) {
    if (changed.empty() && dropped.empty()) return;
    db_.run([&] {
        for (auto const& r : changed)
            Use(db_.sql().save_record, db_.node(), r.ref.kind, r.ref.key, r.object.kind, r.object.key,
                static_cast<std::int64_t>(r.in_sync_value), static_cast<std::int64_t>(r.refused_value), r.attempts,
                r.next_attempt, r.error, r.since)
                .run();
        for (auto const& ref : dropped) Use(db_.sql().delete_record, db_.node(), ref.kind, ref.key).run();
    });
}

void SqliteLedger::intend(std::span<AnyStep const> steps, std::span<std::string const> causes) {
    if (steps.size() != causes.size()) throw std::invalid_argument("intend: one cause a step");
    if (steps.empty()) return;
    auto const now = db_.clock().now();
    auto const ids = db_.run([&] {
        std::vector<std::int64_t> lines;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            auto const& s = steps[i];
            auto const changes = json::serialize(describe(s.changes));
            Use(db_.sql().insert_history, db_.node(), now, s.object.kind, s.object.key, s.ref.kind, s.ref.key,
                std::string(word_of(s.verb)), causes[i], changes)
                .run();
            lines.push_back(db_.last_id());
            if (s.verb == Verb::create)
                Use(db_.sql().insert_record, db_.node(), s.ref.kind, s.ref.key, s.object.kind, s.object.key, now).run();
        }
        prune_sometimes(steps.size());
        return lines;
    });
    std::lock_guard const lock(under_way_mutex_);
    for (std::size_t i = 0; i < steps.size(); ++i) under_way_[steps[i].ref] = ids[i];
}

void SqliteLedger::record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) {
    if (steps.size() != outcomes.size()) throw std::invalid_argument("record: one outcome a step");
    if (steps.empty()) return;
    std::vector<std::int64_t> ids;
    {
        std::lock_guard const lock(under_way_mutex_);
        for (auto const& s : steps) {
            auto const line = under_way_.extract(s.ref);
            ids.push_back(line.empty() ? 0 : line.mapped());
        }
    }
    db_.run([&] {
        for (std::size_t i = 0; i < steps.size(); ++i) {
            auto const& step = steps[i];
            Use(db_.sql().set_outcome, ids[i], std::string(word_of(outcomes[i].how)), outcomes[i].why).run();
            if (step.verb == Verb::remove && outcomes[i].how == Outcome::done)
                Use(db_.sql().delete_record, db_.node(), step.ref.kind, step.ref.key).run();
        }
    });
}

// With an intent, never in a pass that changes nothing.
void SqliteLedger::prune_sometimes(std::size_t lines) {
    if ((lines_since_prune_ += lines) < prune_every) return;
    lines_since_prune_ = 0;
    Use(db_.sql().prune, history_most, db_.clock().now() - history_age).run();
}

std::vector<HistoryEntry> SqliteLedger::history(std::optional<Ref> const& object, std::int64_t before,
                                                std::size_t limit) {
    auto const from = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
    auto const most = static_cast<std::int64_t>(limit);
    return db_.read_many([&](Statements& sql) {
        if (!object) return rows(Use(sql.history, db_.node(), from, most), read_history);
        return rows(Use(sql.history_of, db_.node(), from, most, object->kind, object->key), read_history);
    });
}

}  // namespace genesis
