// Objects: stored whole, with the names and numbers they hold, in the transaction that accepts them.
#include "reconciler/store/sqlite.hpp"

#include "reconciler/store/migrations.hpp"

#include <algorithm>

namespace genesis {
namespace {

std::optional<Condition> ready_of(std::vector<Condition> const& conditions) {
    for (auto const& c : conditions)
        if (c.type == "ready") return c;
    return std::nullopt;
}

}  // namespace

StoreRefusal replayed() { return {"replayed", "this request was used before", {}}; }

Origin origin_of(Origin const* by, std::string const& source) {
    if (by != nullptr) return {by->who, by->from, by->request, {}};
    return {source, "local", "", {}};
}

std::optional<StoreRefusal> refuse_generation(std::optional<std::int64_t> wanted, Object const* stored) {
    if (!wanted || (stored != nullptr && stored->generation == *wanted)) return std::nullopt;
    auto const what = stored == nullptr ? std::string("it does not exist")
                                        : "the stored generation is " + std::to_string(stored->generation);
    return StoreRefusal{"precondition_failed", what, {}};
}

StoreRefusal owned(std::string const& source) {
    auto const who = source == "api" ? std::string("the API") : source;
    return {"owned_by", "is kept by " + who + "; take it over to change it here", {}};
}

void throw_exception_from_error(StoreRefusal const& refusal, boost::source_location const&) {
    throw Fault(refusal.code + ": " + refusal.text);
}

SqliteStore::Reader::Reader(std::string const& path) : db(open_database(path)), sql(db) {
    db.exec("PRAGMA query_only = ON");
}

SqliteStore::SqliteStore(std::string const& path, std::string node, Vault vault, Clock const& clock, Numbers numbers)
    : node_(std::move(node)),
      vault_(std::move(vault)),
      clock_(clock),
      free_numbers_(std::move(numbers.free), clock),
      numbers_{numbers.space, numbers.first, numbers.last, [this](std::int64_t n) { return free_numbers_.is_free(n); }},
      writer_(open_database(path)),
      sql_(writer_),
      few_{Reader(path), Reader(path), Reader(path), Reader(path)},
      many_(path),
      commit_(writer_, [this](GroupCommit::Committed const& committed) { announce(committed); }) {
    commit_.run([&] { Use(sql_.interrupt, node_).run(); });
}

SqliteStore::Row SqliteStore::read_object(Use& row) {
    Object o;
    o.ref = {row.text(0), row.text(1)};
    o.generation = row.integer(2);
    o.source = row.text(4);
    o.paused = row.flag(5);
    o.adopt = row.flag(6);
    o.confirmed_generation = row.integer(7);
    o.terminating = row.maybe_time(8);
    o.purge = row.flag(9);
    o.observed_generation = row.integer(10);
    o.conditions = Codec<std::vector<Condition>>::get(json::parse(row.text(11)));
    o.created = row.time(12);
    o.changed = row.time(13);
    o.numbers = Codec<std::map<std::string, std::int64_t>>::get(json::parse(row.text(14)));
    o.request = row.text(15);
    return {std::move(o), row.text(3)};
}

Object SqliteStore::opened(Row row) const {
    row.object.spec = unseal_spec(vault_, node_, row.object.ref, row.sealed);
    return std::move(row.object);
}

// Outside of any lock: a long list holds up nobody.
std::vector<Object> SqliteStore::opened(std::vector<Row> rows) const {
    std::vector<Object> out;
    out.reserve(rows.size());
    for (auto& row : rows) out.push_back(opened(std::move(row)));
    return out;
}

std::optional<SqliteStore::Row> SqliteStore::find_row(Statements& sql, Ref const& ref) const {
    Use row(sql.find_object, node_, ref.kind, ref.key);
    if (!row.row()) return std::nullopt;
    return read_object(row);
}

std::optional<Object> SqliteStore::find_in(Statements& sql, Ref const& ref) const {
    auto row = find_row(sql, ref);
    if (!row) return std::nullopt;
    return opened(std::move(*row));
}

Stored<Written> SqliteStore::remove(Ref const& ref, bool purge, std::string const& source, Origin* by,
                                    std::optional<std::int64_t> if_match) {
    return commit_.run([&] { return remove_now(ref, purge, source, by, if_match); });
}

Stored<std::optional<Object>> SqliteStore::rehearse_remove(Ref const& ref, bool purge, std::string const& source,
                                                           std::optional<std::int64_t> if_match) {
    return commit_.rehearse([&]() -> Stored<std::optional<Object>> {
        auto const written = remove_now(ref, purge, source, nullptr, if_match);
        if (!written) return written.error();
        return find_in(sql_, ref);
    });
}

Stored<Written> SqliteStore::remove_now(Ref const& ref, bool purge, std::string const& source, Origin* by,
                                        std::optional<std::int64_t> if_match) {
    if (!spend_now(by)) return replayed();
    auto const stored = find_in(sql_, ref);
    if (auto no = refuse_generation(if_match, stored ? &*stored : nullptr)) return std::move(*no);
    if (!stored) return Written{};
    if (stored->source != source) return owned(stored->source);
    if (stored->terminating && (stored->purge || !purge)) return Written{Wrote::unchanged, stored->generation};
    if (auto no = package_in_use(ref)) return std::move(*no);
    auto const now = clock_.now();
    auto const origin = origin_of(by, source);
    auto const generation = stored->generation + 1;
    Use(sql_.terminate, node_, ref.kind, ref.key, generation, stored->terminating.value_or(now), purge, now,
        origin.request)
        .run();
    note(origin, purge ? "purge" : "delete", ref, generation);
    tell("terminating", ref, generation, origin);
    return Written{Wrote::changed, generation};
}

std::optional<StoreRefusal> SqliteStore::package_in_use(Ref const& ref) {
    if (ref.kind != "package") return std::nullopt;
    Use users(sql_.users_of_package, node_, ref.key);
    auto const count = users.row() ? users.integer(0) : 0;
    if (count == 0) return std::nullopt;
    return StoreRefusal{"in_use", std::to_string(count) + (count == 1 ? " account names it" : " accounts name it"), {}};
}

template <class F>
Stored<Written> SqliteStore::change_row(Ref const& ref, std::string const& action, Origin* by, F const& set) {
    return commit_.run([&]() -> Stored<Written> {
        if (!spend_now(by)) return replayed();
        if (set(sql_) == 0) return StoreRefusal{"not_found", "there is no " + ref.str(), {}};
        auto const object = find_in(sql_, ref);
        note(origin_of(by, object->source), action, ref, object->generation);
        return Written{Wrote::changed, object->generation};
    });
}

Stored<Written> SqliteStore::set_source(Ref const& ref, std::string const& source, Origin* by) {
    return change_row(ref, "take-over", by,
                      [&](Statements& sql) { return Use(sql.set_source, node_, ref.kind, ref.key, source).run(); });
}

Stored<Written> SqliteStore::set_paused(Ref const& ref, bool paused, Origin* by) {
    return change_row(ref, paused ? "pause" : "resume", by,
                      [&](Statements& sql) { return Use(sql.set_paused, node_, ref.kind, ref.key, paused).run(); });
}

Stored<Written> SqliteStore::set_adopt(Ref const& ref, bool adopt, Origin* by) {
    return change_row(ref, "adopt", by,
                      [&](Statements& sql) { return Use(sql.set_adopt, node_, ref.kind, ref.key, adopt).run(); });
}

Stored<Written> SqliteStore::confirm_removals(Ref const& ref, Origin* by) {
    return change_row(ref, "confirm", by,
                      [&](Statements& sql) { return Use(sql.confirm, node_, ref.kind, ref.key).run(); });
}

bool SqliteStore::set_all_paused(bool paused, Origin& by) {
    return commit_.run([&] {
        if (!spend_now(&by)) return false;
        set_mark("paused", paused ? 1 : 0);
        note(origin_of(&by, "api"), paused ? "pause" : "resume", {"node", node_}, 0);
        return true;
    });
}

bool SqliteStore::all_paused() {
    return read([&](Statements& sql) {
        Use row(sql.mark, node_, "paused");
        return row.row() && row.flag(0);
    });
}

void SqliteStore::forget(Ref const& ref) {
    commit_.run([&] {
        Claims(sql_, node_, numbers_).release(ref, clock_.now());
        Use(sql_.delete_credentials, node_, ref.kind, ref.key).run();
        if (Use(sql_.delete_object, node_, ref.kind, ref.key).run() > 0) tell("removed", ref, 0, {});
    });
}

std::optional<Object> SqliteStore::find(Ref const& ref) {
    auto row = read([&](Statements& sql) { return find_row(sql, ref); });
    if (!row) return std::nullopt;
    return opened(std::move(*row));
}

std::vector<Object> SqliteStore::objects(std::string const& kind) {
    return opened(read_many([&](Statements& sql) {
        std::vector<Row> rows;
        Use row(kind.empty() ? Use(sql.objects, node_) : Use(sql.objects_of_kind, node_, kind));
        while (row.row()) rows.push_back(read_object(row));
        return rows;
    }));
}

std::vector<Object> SqliteStore::list(std::string const& kind, std::string const& after, std::size_t limit) {
    return opened(read_many([&](Statements& sql) {
        std::vector<Row> rows;
        for (Use row(sql.list_objects, node_, kind, after, static_cast<std::int64_t>(limit)); row.row();)
            rows.push_back(read_object(row));
        return rows;
    }));
}

void SqliteStore::set_statuses(std::span<StatusUpdate const> updates) {
    if (updates.empty()) return;
    commit_.run([&] {
        for (auto const& update : updates) set_status_now(update);
    });
}

void SqliteStore::set_status_now(StatusUpdate const& update) {
    auto const row = find_row(sql_, update.ref);
    if (!row) return;
    auto const& object = row->object;
    auto const text = json::serialize(Codec<std::vector<Condition>>::put(update.conditions));
    Use(sql_.set_status, node_, update.ref.kind, update.ref.key, update.observed_generation, text).run();
    auto const before = ready_of(object.conditions), now = ready_of(update.conditions);
    if (!now || (before && before->status == now->status && object.observed_generation == update.observed_generation))
        return;
    Origin by;
    by.request = object.request;
    tell(now->status == "true" ? "ready" : "not_ready", update.ref, update.observed_generation, by, now->message);
}

Stored<std::map<std::string, Secret>> SqliteStore::take_credentials(Ref const& ref, Origin* by) {
    return commit_.run([&]() -> Stored<std::map<std::string, Secret>> {
        if (!spend_now(by)) return replayed();
        std::map<std::string, Secret> out;
        auto const object = find_in(sql_, ref);
        if (!object) return out;
        auto const current = secrets_of(ref, object->spec);
        for (Use row(sql_.credentials, node_, ref.kind, ref.key); row.row();) {
            auto secret = vault_.unseal(row.text(1), bound_to(node_, ref, "credentials/" + row.text(0)));
            if (std::find(current.begin(), current.end(), secret.reveal()) != current.end())  // not replaced since
                out.emplace(row.text(0), std::move(secret));
        }
        Use(sql_.delete_credentials, node_, ref.kind, ref.key).run();
        if (!out.empty()) note(origin_of(by, object->source), "credentials", ref, object->generation);
        return out;
    });
}

std::int64_t SqliteStore::version() {
    return read([&](Statements& sql) {
        Use row(sql.mark, node_, "objects");
        return row.row() ? row.integer(0) : std::int64_t{0};
    });
}

bool SqliteStore::healthy() {
    try {
        commit_.run([] {});
        return true;
    } catch (Fault const&) {
        return false;
    }
}

}  // namespace genesis
