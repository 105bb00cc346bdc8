// Objects: stored whole, with the names and numbers they hold, in the transaction that accepts them.
#include "reconciler/store/sqlite_objects.hpp"

#include "reconciler/store/sealed_spec.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t most_named = 5;  // of who uses something

std::optional<Condition> ready_of(std::vector<Condition> const& conditions) {
    for (auto const& c : conditions)
        if (c.type == ConditionType::ready) return c;
    return std::nullopt;
}

template <Chosen E>
bool knows(json::value const& word) {
    return word.is_string() && std::ranges::any_of(EnumNames<E>::names, [&](auto const& name) {
               return name.second == std::string_view(word.get_string());
           });
}

// Another version may have stored words that this one does not know: such a condition is left out until the object is
// observed, such a reason is none.
std::vector<Condition> conditions_in(std::string const& text) {
    std::vector<Condition> out;
    auto all = json::parse(text);
    for (auto& one : all.as_array()) {
        auto& fields = one.as_object();
        if (!knows<ConditionType>(fields["type"]) || !knows<Truth>(fields["status"])) continue;
        if (!knows<ConditionReason>(fields["reason"])) fields["reason"] = word_of(ConditionReason::none);
        out.push_back(Codec<Condition>::from_json(one));
    }
    return out;
}

// {slot: [space, value, why, pool]}
Allocations allocations_in(std::string const& text) {
    Allocations out;
    auto const slots = json::parse(text);
    for (auto const& kv : slots.as_object()) {
        auto const& row = kv.value().as_array();
        Allocation one{std::string(row.at(0).as_string()),
                       {},
                       std::string(row.at(2).as_string()),
                       std::string(row.at(3).as_string())};
        if (one.why.empty())
            one.value = row.at(1).is_string() ? Value(std::string(row.at(1).get_string()))
                                              : Value(row.at(1).to_number<std::int64_t>());
        out.emplace(kv.key(), std::move(one));
    }
    return out;
}

}  // namespace

StoreRefusal replayed() { return {"replayed", "this request was used before", {}}; }

Actor origin_of(Actor const* actor, std::string const& source) {
    if (actor != nullptr) return {actor->who, actor->from, actor->request, {}};
    return {source, "local", "", {}};
}

std::optional<StoreRefusal> refuse_generation(std::optional<std::int64_t> wanted, Object const* stored) {
    if (!wanted || (stored != nullptr && stored->generation == *wanted)) return std::nullopt;
    auto const what = stored == nullptr ? std::string("it does not exist")
                                        : "the stored generation is " + std::to_string(stored->generation);
    return StoreRefusal{"precondition_failed", what, {}};
}

StoreRefusal owned(std::string const& source) {
    if (source == "api") return {"owned_by", "is kept by the API, and changed there", {}};
    return {"owned_by", "is kept by " + source + "; take it over to change it here", {}};
}

void throw_exception_from_error(StoreRefusal const& refusal, boost::source_location const&) {
    throw Fault(refusal.code + ": " + refusal.text);
}

SqliteObjects::SqliteObjects(StoreDatabase& db, SqliteTrail& trail, Vault vault, Ranges ranges,
                             std::span<ObjectKind const> kinds, NamesBeneath beneath)
    : db_(db),
      trail_(trail),
      nonces_(db),
      vault_(std::move(vault)),
      kinds_(kinds),
      ranges_(std::move(ranges)),
      beneath_(beneath) {
    for (auto& [space, range] : ranges_) {
        if (!range.free) continue;
        auto& numbers = free_numbers_.try_emplace(space, std::move(range.free), db_.clock()).first->second;
        range.free = [&numbers](std::int64_t n) { return numbers.is_free(n); };
    }
}

ObjectKind const& SqliteObjects::kind_of(Ref const& ref) const {
    auto const* kind = find_kind(kinds_, ref.kind);
    if (kind == nullptr) throw Fault(ref.str() + " cannot be stored: this program knows no such kind");
    return *kind;
}

std::vector<Claim> SqliteObjects::claims_of(Ref const& ref, json::object const& spec) const {
    auto const& kind = kind_of(ref);
    return kind.claims != nullptr ? kind.claims(spec) : std::vector<Claim>();
}

SqliteObjects::Row SqliteObjects::read_object(Use const& row) {
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
    o.conditions = conditions_in(row.text(11));
    o.created = row.time(12);
    o.changed = row.time(13);
    o.allocations = allocations_in(row.text(14));
    o.request = row.text(15);
    return {std::move(o), row.text(3)};
}

Object SqliteObjects::opened(Row row) const {
    row.object.spec = unseal_spec(vault_, db_.node(), *kind_of(row.object.ref).schema, row.object.ref, row.sealed);
    return std::move(row.object);
}

// Outside of any lock: a long list holds up nobody.
std::vector<Object> SqliteObjects::opened(std::vector<Row> rows) const {
    std::vector<Object> out;
    out.reserve(rows.size());
    for (auto& row : rows) out.push_back(opened(std::move(row)));
    return out;
}

std::optional<SqliteObjects::Row> SqliteObjects::find_row(Statements& sql, Ref const& ref) const {
    Use row(sql.find_object, db_.node(), ref.kind, ref.key);
    if (!row.row()) return std::nullopt;
    return read_object(row);
}

std::optional<Object> SqliteObjects::find_in(Statements& sql, Ref const& ref) const {
    auto row = find_row(sql, ref);
    if (!row) return std::nullopt;
    return opened(std::move(*row));
}

Stored<Written> SqliteObjects::remove(Ref const& ref, std::optional<bool> purge, std::string const& source,
                                      Actor* actor, std::optional<std::int64_t> if_match) {
    return db_.run([&] { return remove_now(ref, purge, source, actor, if_match); });
}

Stored<std::optional<Object>> SqliteObjects::remove_dry_run(Ref const& ref, std::optional<bool> purge,
                                                            std::string const& source,
                                                            std::optional<std::int64_t> if_match) {
    return db_.dry_run([&]() -> Stored<std::optional<Object>> {
        auto const written = remove_now(ref, purge, source, nullptr, if_match);
        if (!written) return written.error();
        return find_in(db_.sql(), ref);
    });
}

Stored<Written> SqliteObjects::remove_now(Ref const& ref, std::optional<bool> purge, std::string const& source,
                                          Actor* actor, std::optional<std::int64_t> if_match) {
    if (!nonces_.consume(actor)) return replayed();
    auto const stored = find_in(db_.sql(), ref);
    if (auto no = refuse_generation(if_match, stored ? &*stored : nullptr)) return std::move(*no);
    if (purge == false && (!stored || !stored->terminating))
        return StoreRefusal{stored ? "not_terminating" : "not_found",
                            stored ? "is not being removed" : "does not exist: its data is gone, if there was any",
                            {}};
    if (!stored) return Written{};
    if (stored->source != source) return owned(stored->source);
    bool const purged = purge.value_or(stored->purge);
    if (stored->terminating && stored->purge == purged) return Written{Wrote::unchanged, stored->generation};
    if (auto no = in_use(ref)) return std::move(*no);
    auto const now = db_.clock().now();
    auto const origin = origin_of(actor, source);
    auto const generation = stored->generation + 1;
    auto const since = purged ? stored->terminating.value_or(now) : now;
    Use(db_.sql().terminate, db_.node(), ref.kind, ref.key, generation, since, purged, now, origin.request).run();
    trail_.note(origin, purged ? "purge" : "delete", ref, generation);
    trail_.record_event("terminating", ref, generation, origin);
    return Written{Wrote::changed, generation};
}

void SqliteObjects::end_graces(std::span<std::pair<Ref, std::int64_t> const> objects) {
    db_.run([&] {
        for (auto const& [ref, generation] : objects)
            if (Use(db_.sql().end_grace, db_.node(), ref.kind, ref.key, generation).run() > 0)
                trail_.note({"grace", "local", "", {}}, "purge", ref, generation);
    });
}

std::optional<StoreRefusal> SqliteObjects::in_use(Ref const& ref) {
    auto const holders = dependents(ref);
    if (holders.empty()) return std::nullopt;
    bool const alike =
        std::all_of(holders.begin(), holders.end(), [&](auto const& h) { return h.kind == holders[0].kind; });
    auto const& kind = kind_of(holders[0]);
    auto text = std::to_string(holders.size()) + " ";
    text += !alike ? "objects" : holders.size() == 1 ? kind.schema->kind : kind.plural;
    text += holders.size() == 1 ? " names it: " : " name it: ";
    for (std::size_t i = 0; i < holders.size() && i < most_named; ++i) text += (i > 0 ? ", " : "") + holders[i].str();
    if (holders.size() > most_named) text += " and " + std::to_string(holders.size() - most_named) + " more";
    return StoreRefusal{"in_use", text, {}};
}

std::vector<Ref> SqliteObjects::dependents(Ref const& ref) {
    return db_.read([&](Statements& sql) {
        return rows(Use(sql.dependents, db_.node(), ref.kind, ref.key), [](Use const& row) { return row.ref(0); });
    });
}

template <class F>
Stored<Written> SqliteObjects::change_row(Ref const& ref, std::string const& action, Actor* actor, F const& set) {
    return db_.run([&]() -> Stored<Written> {
        if (!nonces_.consume(actor)) return replayed();
        if (set(db_.sql()) == 0) return StoreRefusal{"not_found", "there is no " + ref.str(), {}};
        auto const object = find_in(db_.sql(), ref);
        trail_.note(origin_of(actor, object->source), action, ref, object->generation);
        return Written{Wrote::changed, object->generation};
    });
}

Stored<Written> SqliteObjects::set_source(Ref const& ref, std::string const& source, Actor* actor) {
    return change_row(ref, "take-over", actor, [&](Statements& sql) {
        return Use(sql.set_source, db_.node(), ref.kind, ref.key, source).run();
    });
}

Stored<Written> SqliteObjects::set_paused(Ref const& ref, bool paused, Actor* actor) {
    return change_row(ref, paused ? "pause" : "resume", actor, [&](Statements& sql) {
        return Use(sql.set_paused, db_.node(), ref.kind, ref.key, paused).run();
    });
}

Stored<Written> SqliteObjects::set_adopt(Ref const& ref, bool adopt, Actor* actor) {
    return change_row(ref, "adopt", actor,
                      [&](Statements& sql) { return Use(sql.set_adopt, db_.node(), ref.kind, ref.key, adopt).run(); });
}

Stored<Written> SqliteObjects::confirm_removals(Ref const& ref, Actor* actor) {
    return change_row(ref, "confirm", actor,
                      [&](Statements& sql) { return Use(sql.confirm, db_.node(), ref.kind, ref.key).run(); });
}

bool SqliteObjects::set_all_paused(bool paused, Actor& actor) {
    return db_.run([&] {
        if (!nonces_.consume(&actor)) return false;
        db_.set_counter("paused", paused ? 1 : 0);
        trail_.note(origin_of(&actor, "api"), paused ? "pause" : "resume", {"node", db_.node()}, 0);
        return true;
    });
}

bool SqliteObjects::all_paused() { return db_.read_counter("paused") != 0; }

bool SqliteObjects::forget(Ref const& ref, std::optional<std::int64_t> generation) {
    return db_.run([&] {
        auto const stored = stamp_in(db_.sql(), ref);
        if (generation && stored && stored->generation != *generation) return false;
        SqliteAllocations(db_.sql(), db_.node()).release(ref, db_.clock().now());
        Use(db_.sql().delete_references, db_.node(), ref.kind, ref.key).run();
        Use(db_.sql().delete_credentials, db_.node(), ref.kind, ref.key).run();
        if (Use(db_.sql().delete_object, db_.node(), ref.kind, ref.key).run() > 0)
            trail_.record_event("removed", ref, 0, {});
        return true;
    });
}

std::optional<Object> SqliteObjects::find(Ref const& ref) {
    auto row = db_.read([&](Statements& sql) { return find_row(sql, ref); });
    if (!row) return std::nullopt;
    return opened(std::move(*row));
}

std::vector<Object> SqliteObjects::objects(std::string const& kind) {
    return opened(db_.read_many([&](Statements& sql) {
        if (kind.empty()) return rows(Use(sql.objects, db_.node()), read_object);
        return rows(Use(sql.objects_of_kind, db_.node(), kind), read_object);
    }));
}

std::vector<Object> SqliteObjects::list(std::string const& kind, std::string const& after, std::size_t limit) {
    return opened(db_.read_many([&](Statements& sql) {
        return rows(Use(sql.list_objects, db_.node(), kind, after, static_cast<std::int64_t>(limit)), read_object);
    }));
}

Versions SqliteObjects::set_statuses(std::span<StatusUpdate const> updates) {
    return db_.run([&] {
        Versions out{db_.counter("objects"), 0};
        for (auto const& update : updates) set_status_now(update);
        out.after = db_.counter("objects");
        return out;
    });
}

void SqliteObjects::set_status_now(StatusUpdate const& update) {
    auto const row = find_row(db_.sql(), update.ref);
    if (!row) return;
    auto const& object = row->object;
    auto const text = json::serialize(Codec<std::vector<Condition>>::to_json(update.conditions));
    Use(db_.sql().set_status, db_.node(), update.ref.kind, update.ref.key, update.observed_generation, text).run();
    auto const before = ready_of(object.conditions), now = ready_of(update.conditions);
    if (!now || (before && before->status == now->status && object.observed_generation == update.observed_generation))
        return;
    Actor actor;
    actor.request = object.request;
    trail_.record_event(now->status == Truth::yes ? "ready" : "not_ready", update.ref, update.observed_generation,
                        actor, now->message);
}

Stored<std::map<std::string, Secret>> SqliteObjects::take_credentials(Ref const& ref, Actor* actor) {
    return db_.run([&]() -> Stored<std::map<std::string, Secret>> {
        if (!nonces_.consume(actor)) return replayed();
        std::map<std::string, Secret> out;
        auto const object = find_in(db_.sql(), ref);
        if (!object) return out;
        auto const current = secrets_of(*kind_of(ref).schema, object->spec);
        for (Use row(db_.sql().credentials, db_.node(), ref.kind, ref.key); row.row();) {
            auto secret = vault_.unseal(row.text(1), bound_to(db_.node(), ref, "credentials/" + row.text(0)));
            if (std::find(current.begin(), current.end(), secret.reveal()) != current.end())  // not replaced since
                out.emplace(row.text(0), std::move(secret));
        }
        Use(db_.sql().delete_credentials, db_.node(), ref.kind, ref.key).run();
        if (!out.empty()) trail_.note(origin_of(actor, object->source), "credentials", ref, object->generation);
        return out;
    });
}

std::int64_t SqliteObjects::version() { return db_.read_counter("objects"); }

// Who asks while the write is under way waits for it, and has the same answer.
std::optional<std::string> SqliteObjects::unhealthy() {
    std::lock_guard const lock(health_mutex_);
    if (health_seen_ && db_.clock().steady() < *health_seen_ + std::chrono::seconds(1)) return unhealthy_;
    unhealthy_.reset();
    try {
        db_.run([&] { db_.set_counter("probed", db_.counter("probed") + 1); });
    } catch (Fault const& e) {
        unhealthy_ = e.what();
    }
    health_seen_ = db_.clock().steady();
    return unhealthy_;
}

}  // namespace genesis
