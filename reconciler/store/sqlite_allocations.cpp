// A row is a value that is held or kept back, or a slot whose value is missing. The primary key is what makes a value
// unique: rows of who shares one differ in `sharer`, which is empty where nobody else may have it.
#include "reconciler/store/sqlite_allocations.hpp"

namespace genesis {
namespace {

std::string sharer_of(Holding const& h) { return h.shared || !h.value ? h.object.str() + "/" + h.slot : std::string(); }

Value value_of(Holding const& h) { return h.value.value_or(std::string()); }

std::optional<std::int64_t> milliseconds(std::optional<std::chrono::milliseconds> const& time) {
    return time ? std::optional(std::int64_t{time->count()}) : std::nullopt;
}

std::optional<std::chrono::milliseconds> quarantine_in(Use const& row, int column) {
    if (row.null(column)) return std::nullopt;
    return std::chrono::milliseconds(row.integer(column));
}

}  // namespace

std::optional<Holding> SqliteAllocations::blocking(std::string const& space, Value const& value, bool shared,
                                                   Ref const& object, Time now) const {
    Use row(sql_.blocking, node_, space, value, shared, object.kind, object.key, now);
    if (!row.row()) return std::nullopt;
    Holding out;
    out.space = space;
    out.value = value;
    out.object = {row.text(0), row.text(1)};
    out.released = row.maybe_time(2);
    return out;
}

bool SqliteAllocations::blocked_between(std::string const& space, std::string const& from, std::string const& to,
                                        Ref const& object, Time now) const {
    return Use(sql_.blocked_between, node_, space, from, to, object.kind, object.key, now).row();
}

std::optional<std::int64_t> SqliteAllocations::highest(std::string const& space, std::int64_t first,
                                                       std::int64_t last) const {
    Use row(sql_.highest, node_, space, first, last);
    return row.row() ? std::optional(row.integer(0)) : std::nullopt;
}

std::map<Value, Load> SqliteAllocations::loads(std::string const& space, Time now) const {
    std::map<Value, Load> out;
    for (Use row(sql_.loads, node_, space, now); row.row();)
        out.emplace_hint(out.end(), row.value(0), Load{row.integer(1), row.flag(2)});
    return out;
}

std::vector<Holding> SqliteAllocations::own(Ref const& object) const {
    return rows(Use(sql_.holdings_of, node_, object.kind, object.key), [&](Use const& row) {
        Holding h;
        h.space = row.text(0);
        h.why = row.text(7);
        if (h.why.empty()) h.value = row.value(1);
        h.slot = row.text(2);
        h.object = object;
        h.shared = row.flag(3);
        h.pool = row.text(4);
        h.since = row.time(5);
        h.quarantine = quarantine_in(row, 6);
        return h;
    });
}

void SqliteAllocations::write(Decision const& decision, Time now) {
    for (auto const& h : decision.release) release(h, now);
    for (auto const& h : decision.forget) erase(h);
    for (auto const& h : decision.give) insert(h, now);
}

void SqliteAllocations::insert(Holding const& h, Time now) {
    auto const value = value_of(h);
    auto const sharer = sharer_of(h);
    if (h.value) Use(sql_.delete_free_again, node_, h.space, value, sharer, now).run();
    Use(sql_.insert_allocation, node_, h.space, value, sharer, h.slot, h.object.kind, h.object.key, h.shared, h.pool,
        h.since, milliseconds(h.quarantine), h.why)
        .run();
}

void SqliteAllocations::release(Holding const& h, Time now) {
    if (h.quarantine && h.quarantine->count() == 0) return erase(h);
    Use(sql_.release_allocation, node_, h.space, value_of(h), sharer_of(h), now).run();
}

void SqliteAllocations::erase(Holding const& h) {
    Use(sql_.delete_allocation, node_, h.space, value_of(h), sharer_of(h)).run();
}

// Those that were kept back long enough go with them, so that they do not gather.
void SqliteAllocations::release(Ref const& object, Time now) {
    Use(sql_.delete_allocations, node_, object.kind, object.key).run();
    Use(sql_.release_allocations, node_, object.kind, object.key, now).run();
    Use(sql_.prune_allocations, node_, now).run();
}

}  // namespace genesis
