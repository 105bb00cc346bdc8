// Audit rows and events, written in the transaction of what they tell of.
#include "reconciler/store/sqlite.hpp"

#include <limits>

namespace genesis {
namespace {

constexpr std::int64_t audit_most = 200000, events_most = 100000, prune_every = 1000;

}  // namespace

void SqliteStore::note(Origin const& by, std::string const& action, Ref const& ref, std::int64_t generation,
                       std::string const& changes) {
    Use(sql_.insert_audit, node_, clock_.now(), by.who, by.from, by.request, action, ref.kind, ref.key, generation,
        changes)
        .run();
    auto const id = writer_.getLastInsertRowid();
    if (id % prune_every == 0) Use(sql_.prune_audit, id - audit_most).run();
}

void SqliteStore::tell(std::string const& type, Ref const& ref, std::int64_t generation, Origin const& by,
                       std::string const& why) {
    auto const name = "object." + type;
    Use(sql_.insert_event, node_, clock_.now(), name, ref.kind, ref.key, generation, by.request, why).run();
    told_ = true;
    auto const seq = writer_.getLastInsertRowid();
    if (seq % prune_every != 0 || seq <= events_most) return;
    Use(sql_.prune_events, seq - events_most).run();
    set_mark("events_pruned", seq - events_most);
}

void SqliteStore::announce(GroupCommit::Committed const& committed) {
    if (committed_) committed_(committed);
    if (!told_) return;
    told_ = false;
    listeners_.tell();
}

EventFan::Subscription SqliteStore::on_events(std::function<void()> listener) {
    return listeners_.listen(std::move(listener));
}

std::vector<AuditEntry> SqliteStore::audit(std::int64_t before, std::size_t limit) {
    auto const from = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
    return read_many([&](Statements& sql) {
        std::vector<AuditEntry> out;
        for (Use row(sql.audit, node_, from, static_cast<std::int64_t>(limit)); row.row();) {
            AuditEntry a;
            a.id = row.integer(0);
            a.at = row.time(1);
            a.who = row.text(2);
            a.from = row.text(3);
            a.request = row.text(4);
            a.action = row.text(5);
            a.object = {row.text(6), row.text(7)};
            a.generation = row.integer(8);
            a.changes = json::parse(row.text(9)).as_array();
            out.push_back(std::move(a));
        }
        return out;
    });
}

std::vector<Event> SqliteStore::events(std::int64_t after, std::size_t limit) {
    return read_many([&](Statements& sql) {
        std::vector<Event> out;
        for (Use row(sql.events, node_, after, static_cast<std::int64_t>(limit)); row.row();) {
            Event e;
            e.seq = row.integer(0);
            e.at = row.time(1);
            e.type = row.text(2);
            e.object = {row.text(3), row.text(4)};
            e.generation = row.integer(5);
            e.request = row.text(6);
            e.why = row.text(7);
            out.push_back(std::move(e));
        }
        return out;
    });
}

Trail::Range SqliteStore::event_range() {
    return read([&](Statements& sql) {
        Range out;
        if (Use row(sql.mark, node_, "events_pruned"); row.row()) out.pruned = row.integer(0);
        if (Use row(sql.newest_event); row.row()) out.newest = row.integer(0);
        return out;
    });
}

std::int64_t SqliteStore::cursor(std::string const& name) {
    auto const key = "cursor:" + name;
    return read([&](Statements& sql) {
        Use row(sql.mark, node_, key);
        return row.row() ? row.integer(0) : std::int64_t{0};
    });
}

void SqliteStore::set_cursor(std::string const& name, std::int64_t seq) {
    commit_.run([&] { set_mark("cursor:" + name, seq); });
}

}  // namespace genesis
