// The way of a spec into the store: what will be written is made from the last commit on the caller's thread; under the
// lock it is only seen whether that still stands.
#include "reconciler/store/sqlite.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t most_looked_at = 64;

std::string package_of(json::object const& spec) {
    auto const* package = spec.if_contains("package");
    return package != nullptr && package->is_string() ? std::string(package->get_string()) : std::string();
}

std::vector<std::string> domains_of(ObjectKind const& kind, json::object const& spec) {
    return kind.domains != nullptr ? kind.domains(spec) : std::vector<std::string>();
}

std::optional<StoreRefusal> may_put(PutRequest const& request, Object const* former) {
    if (request.if_none_match && former != nullptr)
        return StoreRefusal{
            "precondition_failed", "it exists, with generation " + std::to_string(former->generation), {}};
    if (auto no = refuse_generation(request.if_match, former)) return no;
    if (former != nullptr && former->source != request.source && !request.take_over) return owned(former->source);
    return std::nullopt;
}

}  // namespace

SqliteStore::Stamp SqliteStore::stamp_of(Object const& object) {
    return {object.generation, object.source, object.created};
}

struct SqliteStore::Draft {
    std::optional<Stamp> former;                               // what it was made from; nothing: there was none
    std::vector<std::pair<Ref, std::optional<Stamp>>> looked;  // at others, as they were
    bool same = false;                                         // the stored spec is the wanted one
    bool numbered = false;                                     // has its numbers already
    std::string sealed, package, changes;
    std::vector<std::string> before, after;                        // domains
    std::vector<std::pair<std::string, std::string>> credentials;  // label → sealed
};

Stored<SqliteStore::Draft> SqliteStore::draft(PutRequest const& request, Object const* former,
                                              PutRequest::Find const& find) const {
    if (auto no = may_put(request, former)) return std::move(*no);
    auto spec = request.spec(former, find);
    if (!spec) return spec.error();
    auto const& kind = *find_kind(request.ref.kind);
    Draft out;
    if (former != nullptr) out.former = stamp_of(*former);
    out.same = former != nullptr && !former->terminating && former->spec == *spec;
    if (out.same) return out;
    out.numbered = former != nullptr && former->numbers.contains(numbers_.space);
    if (former != nullptr) out.before = domains_of(kind, former->spec);
    out.after = domains_of(kind, *spec);
    out.changes =
        json::serialize(describe(diff(*kind.schema, *spec, former != nullptr ? former->spec : json::object())));
    out.package = package_of(*spec);
    if (request.generated != nullptr)
        for (auto const& [label, secret] : *request.generated)
            out.credentials.emplace_back(label,
                                         vault_.seal(secret, bound_to(node_, request.ref, "credentials/" + label)));
    out.sealed = seal_spec(vault_, node_, request.ref, std::move(*spec));
    return out;
}

// Nothing where it would be refused: refusals are given under the lock, on what holds then.
std::shared_ptr<SqliteStore::Draft const> SqliteStore::prepared(PutRequest const& request) {
    auto const former = find(request.ref);
    if (!former) expect_number(request.ref);
    std::vector<std::pair<Ref, std::optional<Stamp>>> looked;
    auto const look = [&](Ref const& ref) -> std::optional<Object> {
        auto const found = look_at(ref);
        looked.emplace_back(ref, found ? std::optional(stamp_of(*found)) : std::nullopt);
        if (!found) return std::nullopt;
        return *found;
    };
    auto made = draft(request, former ? &*former : nullptr, look);
    if (!made) return nullptr;
    made->looked = std::move(looked);
    return std::make_shared<Draft const>(std::move(*made));
}

// A package that every account names is read once for each change of it, not once for each put.
std::shared_ptr<Object const> SqliteStore::look_at(Ref const& ref) {
    auto const stamp = read([&](Statements& sql) { return stamp_in(sql, ref); });
    if (!stamp) return nullptr;
    {
        std::lock_guard const lock(looked_at_mutex_);
        auto const known = looked_at_.find(ref);
        if (known != looked_at_.end() && stamp_of(*known->second) == *stamp) return known->second;
    }
    auto found = find(ref);
    if (!found) return nullptr;
    auto fresh = std::make_shared<Object const>(std::move(*found));
    std::lock_guard const lock(looked_at_mutex_);
    if (looked_at_.size() >= most_looked_at) looked_at_.clear();
    return looked_at_.insert_or_assign(ref, std::move(fresh)).first->second;
}

// The machine is asked about a number before the lock is held, since that may take long.
void SqliteStore::expect_number(Ref const& ref) {
    if (find_kind(ref.kind)->allocates.empty()) return;
    free_numbers_.expect(read([&](Statements& sql) {
        Use highest(sql.highest_number, node_, numbers_.space);
        return highest.row() ? std::max(numbers_.first, highest.integer(0) + 1) : numbers_.first;
    }));
}

std::optional<SqliteStore::Stamp> SqliteStore::stamp_in(Statements& sql, Ref const& ref) const {
    Use row(sql.stamp, node_, ref.kind, ref.key);
    if (!row.row()) return std::nullopt;
    return Stamp{row.integer(0), row.text(1), row.time(2)};
}

bool SqliteStore::still_stands(Ref const& ref, Draft const& draft) {
    if (stamp_in(sql_, ref) != draft.former) return false;
    return std::all_of(draft.looked.begin(), draft.looked.end(),
                       [&](auto const& other) { return stamp_in(sql_, other.first) == other.second; });
}

Stored<Written> SqliteStore::put(PutRequest const& request) {
    auto const ready = prepared(request);
    return commit_.run([&] { return put_now(request, ready.get()); });
}

void SqliteStore::put(PutRequest request, Told<Stored<Written>> told) {
    auto ready = prepared(request);
    commit_.post(
        [this, request = std::move(request), ready = std::move(ready)] { return put_now(request, ready.get()); },
        std::move(told));
}

Stored<Object> SqliteStore::rehearse(PutRequest const& request) {
    if (!read([&](Statements& sql) { return stamp_in(sql, request.ref); })) expect_number(request.ref);
    return commit_.rehearse([&]() -> Stored<Object> {
        auto const written = put_now(request, nullptr);
        if (!written) return written.error();
        return *find_in(sql_, request.ref);
    });
}

Stored<Written> SqliteStore::put_now(PutRequest const& request, Draft const* ready) {
    if (!spend_now(request.by)) return replayed();
    if (ready != nullptr && still_stands(request.ref, *ready)) return write(request, *ready);
    auto const former = find_in(sql_, request.ref);
    auto const made = draft(request, former ? &*former : nullptr, [&](Ref const& ref) { return find_in(sql_, ref); });
    if (!made) return made.error();
    return write(request, *made);
}

Stored<Written> SqliteStore::write(PutRequest const& request, Draft const& draft) {
    if (!draft.same) return write_spec(request, draft);
    auto const generation = draft.former->generation;
    if (draft.former->source == request.source) return Written{Wrote::unchanged, generation};
    Use(sql_.set_source, node_, request.ref.kind, request.ref.key, request.source).run();
    note(origin_of(request.by, request.source), "take-over", request.ref, generation);
    return Written{Wrote::changed, generation};
}

// Every refusal comes before the first write: a refused put leaves nothing to undo.
Stored<Written> SqliteStore::write_spec(PutRequest const& request, Draft const& draft) {
    auto const& ref = request.ref;
    Claims claims(sql_, node_, numbers_);
    bool const moves = draft.before != draft.after;
    if (moves)
        if (auto problems = claims.taken(ref, draft.after, json::parse(draft.sealed).as_object()); !problems.empty())
            return StoreRefusal{"domain_taken", problems.front().text, problems};
    if (!draft.numbered)
        if (auto const why = claims.allocate(ref, find_kind(ref.kind)->allocates))
            return StoreRefusal{"exhausted", *why, {}};
    if (moves) claims.hold(ref, draft.before, draft.after);
    for (auto const& [label, sealed] : draft.credentials)
        Use(sql_.insert_credential, node_, ref.kind, ref.key, label, sealed).run();

    bool const there = draft.former.has_value();
    auto const generation = there ? draft.former->generation + 1 : 1;
    auto const by = origin_of(request.by, request.source);
    Use(there ? sql_.update_object : sql_.insert_object, node_, ref.kind, ref.key, generation, draft.sealed,
        request.source, draft.package, clock_.now(), by.request)
        .run();
    note(by, "put", ref, generation, draft.changes);
    tell(there ? "changed" : "created", ref, generation, by);
    return Written{there ? Wrote::changed : Wrote::created, generation};
}

}  // namespace genesis
