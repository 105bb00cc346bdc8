// Objects: stored whole, with the names and numbers they hold, in the transaction that accepts them.
#include "reconciler/store/sqlite.hpp"

#include "reconciler/store/migrations.hpp"

#include <algorithm>

namespace genesis {
namespace {

std::string package_of(json::object const& spec) {
    auto const* package = spec.if_contains("package");
    return package != nullptr && package->is_string() ? std::string(package->get_string()) : std::string();
}

std::vector<std::string> domains_of(ObjectKind const& kind, json::object const& spec) {
    return kind.domains != nullptr ? kind.domains(spec) : std::vector<std::string>();
}

StoreRefusal replayed() { return {"replayed", "this request was used before", {}}; }

// Whoever keeps an object stands for itself where no request does.
Origin origin_of(Origin const* by, std::string const& source) {
    if (by != nullptr) return {by->who, by->from, by->request, {}};
    return {source, "local", "", {}};
}

std::optional<Condition> ready_of(std::vector<Condition> const& conditions) {
    for (auto const& c : conditions)
        if (c.type == "ready") return c;
    return std::nullopt;
}

StoreRefusal owned(std::string const& source) {
    auto const who = source == "api" ? std::string("the API") : source;
    return {"owned_by", "is kept by " + who + "; take it over to change it here", {}};
}

std::optional<StoreRefusal> may_put(PutRequest const& request, Object const* former) {
    auto const stored = former != nullptr ? former->generation : 0;
    if (request.if_none_match && former != nullptr)
        return StoreRefusal{"precondition_failed", "it exists, with generation " + std::to_string(stored), {}};
    if (request.if_match && former == nullptr) return StoreRefusal{"precondition_failed", "it does not exist", {}};
    if (request.if_match && *request.if_match != stored)
        return StoreRefusal{"precondition_failed", "the stored generation is " + std::to_string(stored), {}};
    if (former != nullptr && former->source != request.source && !request.take_over) return owned(former->source);
    return std::nullopt;
}

}  // namespace

void throw_exception_from_error(StoreRefusal const& refusal, boost::source_location const&) {
    throw Fault(refusal.code + ": " + refusal.text);
}

SqliteStore::SqliteStore(std::string const& path, std::string node, Vault vault, Clock const& clock, Numbers numbers)
    : node_(std::move(node)),
      vault_(std::move(vault)),
      clock_(clock),
      numbers_(std::move(numbers)),
      writer_(open_database(path)),
      reader_(open_database(path)),
      sql_(writer_),
      reading_sql_(reader_),
      commit_(writer_, [this](GroupCommit::Committed const& committed) { announce(committed); }) {
    reader_.exec("PRAGMA query_only = ON");
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

std::optional<Object> SqliteStore::find_in(Statements& sql, Ref const& ref) const {
    Use row(sql.find_object, node_, ref.kind, ref.key);
    if (!row.row()) return std::nullopt;
    return opened(read_object(row));
}

Stored<Written> SqliteStore::put(PutRequest const& request) {
    return commit_.run([&] { return put_now(request); });
}

Stored<Object> SqliteStore::rehearse(PutRequest const& request) {
    return commit_.rehearse([&]() -> Stored<Object> {
        auto const written = put_now(request);
        if (!written) return written.error();
        return *find_in(sql_, request.ref);
    });
}

Stored<Written> SqliteStore::put_now(PutRequest const& request) {
    if (!spend_now(request.by)) return replayed();
    auto const stored = find_in(sql_, request.ref);
    auto const* former = stored ? &*stored : nullptr;
    if (auto no = may_put(request, former)) return std::move(*no);
    auto spec = request.spec(former);
    if (!spec) return spec.error();
    if (former == nullptr || former->terminating || former->spec != *spec)
        return store_spec(request, former, std::move(*spec));
    if (former->source == request.source) return Written{Wrote::unchanged, former->generation};
    Use(sql_.set_source, node_, request.ref.kind, request.ref.key, request.source).run();
    note(origin_of(request.by, request.source), "take-over", request.ref, former->generation);
    return Written{Wrote::changed, former->generation};
}

// Every refusal comes before the first write: a refused put leaves nothing to undo.
Stored<Written> SqliteStore::store_spec(PutRequest const& request, Object const* former, json::object spec) {
    auto const& ref = request.ref;
    auto const& kind = *find_kind(ref.kind);
    auto const now = clock_.now();
    auto const before = former != nullptr ? domains_of(kind, former->spec) : std::vector<std::string>();
    auto const after = domains_of(kind, spec);
    Claims claims(sql_, node_, numbers_);
    if (before != after)
        if (auto problems = claims.taken(ref, after, spec); !problems.empty())
            return StoreRefusal{"domain_taken", problems.front().text, problems};
    if (auto const why = claims.allocate(ref, kind.allocates)) return StoreRefusal{"exhausted", *why, {}};
    if (before != after) claims.hold(ref, before, after);
    if (request.generated != nullptr) keep_credentials(request);

    auto const generation = former != nullptr ? former->generation + 1 : 1;
    auto const by = origin_of(request.by, request.source);
    auto const changes = diff(*kind.schema, spec, former != nullptr ? former->spec : json::object());
    auto const package = package_of(spec), sealed = seal_spec(vault_, node_, ref, std::move(spec));
    Use(former != nullptr ? sql_.update_object : sql_.insert_object, node_, ref.kind, ref.key, generation, sealed,
        request.source, package, now, by.request)
        .run();
    note(by, "put", ref, generation, describe(changes));
    tell(former != nullptr ? "changed" : "created", ref, generation, by);
    return Written{former != nullptr ? Wrote::changed : Wrote::created, generation};
}

void SqliteStore::keep_credentials(PutRequest const& request) {
    for (auto const& [label, secret] : *request.generated) {
        auto const sealed = vault_.seal(secret, bound_to(node_, request.ref, "credentials/" + label));
        Use(sql_.insert_credential, node_, request.ref.kind, request.ref.key, label, sealed).run();
    }
}

Stored<Written> SqliteStore::remove(Ref const& ref, bool purge, std::string const& source, Origin* by) {
    return commit_.run([&] { return remove_now(ref, purge, source, by); });
}

Stored<Written> SqliteStore::remove_now(Ref const& ref, bool purge, std::string const& source, Origin* by) {
    if (!spend_now(by)) return replayed();
    auto const stored = find_in(sql_, ref);
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

void SqliteStore::forget(Ref const& ref) {
    commit_.run([&] {
        Claims(sql_, node_, numbers_).release(ref, clock_.now());
        Use(sql_.delete_credentials, node_, ref.kind, ref.key).run();
        if (Use(sql_.delete_object, node_, ref.kind, ref.key).run() > 0) tell("removed", ref, 0, {});
    });
}

std::optional<Object> SqliteStore::find(Ref const& ref) {
    return read([&](Statements& sql) { return find_in(sql, ref); });
}

std::vector<Object> SqliteStore::objects(std::string const& kind) {
    auto rows = read([&](Statements& sql) {
        std::vector<Row> all;
        Use row(kind.empty() ? Use(sql.objects, node_) : Use(sql.objects_of_kind, node_, kind));
        while (row.row()) all.push_back(read_object(row));
        return all;
    });
    std::vector<Object> out;
    out.reserve(rows.size());
    for (auto& row : rows) out.push_back(opened(std::move(row)));
    return out;
}

std::vector<Object> SqliteStore::list(std::string const& kind, std::string const& after, std::size_t limit) {
    return read([&](Statements& sql) {
        std::vector<Object> out;
        for (Use row(sql.list_objects, node_, kind, after, static_cast<std::int64_t>(limit)); row.row();)
            out.push_back(opened(read_object(row)));
        return out;
    });
}

void SqliteStore::set_status(Ref const& ref, std::int64_t observed_generation,
                             std::vector<Condition> const& conditions) {
    auto const text = json::serialize(Codec<std::vector<Condition>>::put(conditions));
    commit_.run([&] {
        auto const object = find_in(sql_, ref);
        if (!object) return;
        Use(sql_.set_status, node_, ref.kind, ref.key, observed_generation, text).run();
        auto const before = ready_of(object->conditions), now = ready_of(conditions);
        if (!now || (before && before->status == now->status && object->observed_generation == observed_generation))
            return;
        Origin by;
        by.request = object->request;
        tell(now->status == "true" ? "ready" : "not_ready", ref, observed_generation, by, now->message);
    });
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
