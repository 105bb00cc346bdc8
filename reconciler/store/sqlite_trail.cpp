// Audit rows and events, written in the transaction of what they report.
#include "reconciler/store/sqlite_trail.hpp"

#include <limits>
#include <utility>

namespace genesis {
namespace {

constexpr std::int64_t audit_most = 200000, events_most = 100000, prune_every = 1000;

AuditEntry read_audit(Use const& row) {
    AuditEntry a;
    a.id = row.integer(0);
    a.at = row.time(1);
    a.who = row.text(2);
    a.from = row.text(3);
    a.request = row.text(4);
    a.action = row.text(5);
    a.object = row.ref(6);
    a.generation = row.integer(8);
    a.changes = json::parse(row.text(9)).as_array();
    return a;
}

Event read_event(Use const& row) {
    Event e;
    e.seq = row.integer(0);
    e.at = row.time(1);
    e.type = row.text(2);
    e.object = row.ref(3);
    e.generation = row.integer(5);
    e.request = row.text(6);
    e.why = row.text(7);
    return e;
}

}  // namespace

SqliteTrail::SqliteTrail(StoreDatabase& db) : db_(db) {
    db_.on_commit([this](GroupCommit::Committed const&) {
        if (std::exchange(wrote_, false)) listeners_.notify();
    });
}

void SqliteTrail::note(Actor const& actor, std::string const& action, Ref const& ref, std::int64_t generation,
                       std::string const& changes) {
    Use(db_.sql().insert_audit, db_.node(), db_.clock().now(), actor.who, actor.from, actor.request, action, ref.kind,
        ref.key, generation, changes)
        .run();
    auto const id = db_.last_id();
    if (id % prune_every == 0) Use(db_.sql().prune_audit, id - audit_most).run();
}

void SqliteTrail::record_event(std::string const& type, Ref const& ref, std::int64_t generation, Actor const& actor,
                               std::string const& why) {
    auto const name = "object." + type;
    Use(db_.sql().insert_event, db_.node(), db_.clock().now(), name, ref.kind, ref.key, generation, actor.request, why)
        .run();
    wrote_ = true;
    auto const seq = db_.last_id();
    if (seq % prune_every != 0 || seq <= events_most) return;
    Use(db_.sql().prune_events, seq - events_most).run();
    db_.set_counter("events_pruned", seq - events_most);
}

Signal::Subscription SqliteTrail::on_events(std::function<void()> listener) {
    return listeners_.listen(std::move(listener));
}

std::vector<AuditEntry> SqliteTrail::audit(std::int64_t before, std::size_t limit) {
    auto const from = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
    return db_.read_many([&](Statements& sql) {
        return rows(Use(sql.audit, db_.node(), from, static_cast<std::int64_t>(limit)), read_audit);
    });
}

std::vector<Event> SqliteTrail::events(std::int64_t after, std::size_t limit) {
    return db_.read_many([&](Statements& sql) {
        return rows(Use(sql.events, db_.node(), after, static_cast<std::int64_t>(limit)), read_event);
    });
}

Trail::Range SqliteTrail::event_range() {
    return db_.read([&](Statements& sql) {
        Range out;
        if (Use row(sql.counter, db_.node(), "events_pruned"); row.row()) out.pruned = row.integer(0);
        if (Use row(sql.newest_event); row.row()) out.newest = row.integer(0);
        return out;
    });
}

std::int64_t SqliteTrail::cursor(std::string const& name) { return db_.read_counter("cursor:" + name); }

void SqliteTrail::set_cursor(std::string const& name, std::int64_t seq) {
    db_.run([&] { db_.set_counter("cursor:" + name, seq); });
}

}  // namespace genesis
