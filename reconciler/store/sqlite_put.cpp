// The way of a spec into the store: what will be written is made from the last commit on the caller's thread; under the
// lock it is only seen whether that still stands.
#include "reconciler/store/sealed_spec.hpp"
#include "reconciler/store/sqlite_objects.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t most_looked_at = 64;

// It has all that it claims: nothing is to be decided.
bool settled(Object const& former, std::vector<Claim> const& before, std::vector<Claim> const& after) {
    return before == after && std::all_of(after.begin(), after.end(), [&](Claim const& claim) {
               auto const has = former.allocations.find(claim.slot);
               return claim.slot.empty() || (has != former.allocations.end() && has->second.value);
           });
}

std::optional<StoreRefusal> may_put(PutRequest const& request, Object const* former) {
    if (request.if_none_match && former != nullptr)
        return StoreRefusal{
            "precondition_failed", "it exists, with generation " + std::to_string(former->generation), {}};
    if (auto no = refuse_generation(request.if_match, former)) return no;
    if (former != nullptr && former->source != request.source && !request.take_over) return owned(former->source);
    if (former != nullptr && former->purge)
        return StoreRefusal{"being_purged",
                            "its data is being removed; put it again once it is gone (genesisctl wait " +
                                request.ref.str() + " --for=gone)",
                            {}};
    return std::nullopt;
}

}  // namespace

SqliteObjects::Stamp SqliteObjects::stamp_of(Object const& object) {
    return {object.generation, object.source, object.created, object.purge};
}

struct SqliteObjects::Draft {
    std::optional<Stamp> former;                               // what it was made from; nothing: there was none
    std::vector<std::pair<Ref, std::optional<Stamp>>> looked;  // at others, as they were
    bool same = false;                                         // the stored spec is the wanted one
    bool settled = false;                                      // has all that it claims
    std::vector<Claim> claims;
    bool refers_alike = false;  // to what it refers to already
    std::set<Ref> refers_to;
    std::string sealed, changes;
    std::vector<std::pair<std::string, std::string>> credentials;  // label → sealed
};

Stored<SqliteObjects::Draft> SqliteObjects::draft(PutRequest const& request, Object const* former,
                                                  PutRequest::Find const& find) const {
    if (auto no = may_put(request, former)) return std::move(*no);
    auto spec = request.spec(former, find);
    if (!spec) return spec.error();
    auto const& schema = *kind_of(request.ref).schema;
    Draft out;
    if (former != nullptr) out.former = stamp_of(*former);
    out.same = former != nullptr && !former->terminating && former->spec == *spec;
    if (out.same) return out;
    if (auto no = too_little(request.ref, *spec, former)) return std::move(*no);
    out.claims = claims_of(request.ref, *spec);
    out.settled = former != nullptr && settled(*former, claims_of(request.ref, former->spec), out.claims);
    out.refers_to = references(schema, *spec);
    out.refers_alike = former != nullptr && references(schema, former->spec) == out.refers_to;
    out.changes = json::serialize(describe(diff(schema, *spec, former != nullptr ? former->spec : json::object())));
    if (request.generated != nullptr)
        for (auto const& [label, secret] : *request.generated)
            out.credentials.emplace_back(
                label, vault_.seal(secret, bound_to(db_.node(), request.ref, "credentials/" + label)));
    out.sealed = seal_spec(vault_, db_.node(), schema, request.ref, std::move(*spec));
    return out;
}

// Why those that refer to it could not live with it.
std::optional<StoreRefusal> SqliteObjects::too_little(Ref const& ref, json::object const& spec,
                                                      Object const* former) const {
    auto const check = kind_of(ref).check_dependents;
    if (check == nullptr) return std::nullopt;
    auto const each = [&](auto const& see) {
        for (Use row(db_.sql().dependent_specs, db_.node(), ref.kind, ref.key); row.row();)
            see(row.ref(0), json::parse(row.text(2)).as_object());
    };
    auto problems = check(spec, former != nullptr ? &former->spec : nullptr, each);
    if (problems.empty()) return std::nullopt;
    auto text = problems.front().text;
    return StoreRefusal{"invalid", std::move(text), std::move(problems)};
}

// Nothing where it would be refused: refusals are given under the lock, on what holds then.
std::shared_ptr<SqliteObjects::Draft const> SqliteObjects::prepared(PutRequest const& request) {
    if (kind_of(request.ref).check_dependents != nullptr) return nullptr;  // who refers to it is seen under the lock
    auto const former = find(request.ref);
    if (!former) expect_numbers(request.ref);
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
std::shared_ptr<Object const> SqliteObjects::look_at(Ref const& ref) {
    auto const stamp = db_.read([&](Statements& sql) { return stamp_in(sql, ref); });
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
void SqliteObjects::expect_numbers(Ref const& ref) {
    if (kind_of(ref).claims == nullptr) return;
    for (auto& [space, numbers] : free_numbers_) {
        auto const& range = ranges_.at(space);
        numbers.expect(db_.read([&](Statements& sql) {
            Use row(sql.highest, db_.node(), space, range.first, range.last);
            return row.row() ? row.integer(0) + 1 : range.first;
        }));
    }
}

std::optional<SqliteObjects::Stamp> SqliteObjects::stamp_in(Statements& sql, Ref const& ref) const {
    Use row(sql.stamp, db_.node(), ref.kind, ref.key);
    if (!row.row()) return std::nullopt;
    return Stamp{row.integer(0), row.text(1), row.time(2), row.flag(3)};
}

bool SqliteObjects::still_stands(Ref const& ref, Draft const& draft) {
    if (stamp_in(db_.sql(), ref) != draft.former) return false;
    return std::all_of(draft.looked.begin(), draft.looked.end(),
                       [&](auto const& other) { return stamp_in(db_.sql(), other.first) == other.second; });
}

Stored<Written> SqliteObjects::put(PutRequest const& request) {
    auto const ready = prepared(request);
    return db_.run([&] { return put_now(request, ready.get()); });
}

void SqliteObjects::put(PutRequest request, Completion<Stored<Written>> completion) {
    auto ready = prepared(request);
    db_.post([this, request = std::move(request), ready = std::move(ready)] { return put_now(request, ready.get()); },
             std::move(completion));
}

Stored<Object> SqliteObjects::dry_run(PutRequest const& request) {
    if (!db_.read([&](Statements& sql) { return stamp_in(sql, request.ref); })) expect_numbers(request.ref);
    return db_.dry_run([&]() -> Stored<Object> {
        auto const written = put_now(request, nullptr);
        if (!written) return written.error();
        return *find_in(db_.sql(), request.ref);
    });
}

Stored<Written> SqliteObjects::put_now(PutRequest const& request, Draft const* ready) {
    if (!nonces_.consume(request.actor)) return replayed();
    if (ready != nullptr && still_stands(request.ref, *ready)) return write(request, *ready);
    auto const former = find_in(db_.sql(), request.ref);
    auto const made =
        draft(request, former ? &*former : nullptr, [&](Ref const& ref) { return find_in(db_.sql(), ref); });
    if (!made) return made.error();
    return write(request, *made);
}

Stored<Written> SqliteObjects::write(PutRequest const& request, Draft const& draft) {
    if (!draft.same) return write_spec(request, draft);
    auto const generation = draft.former->generation;
    if (draft.former->source == request.source) return Written{Wrote::unchanged, generation};
    Use(db_.sql().set_source, db_.node(), request.ref.kind, request.ref.key, request.source).run();
    trail_.note(origin_of(request.actor, request.source), "take-over", request.ref, generation);
    return Written{Wrote::changed, generation};
}

Supply SqliteObjects::supply_for(std::vector<Claim> const& claims) {
    Supply out{ranges_, {}, beneath_};
    for (auto const& claim : claims) {
        if (claim.from != Claim::from_pool || out.pools.contains(claim.pool)) continue;
        auto const pool = find_in(db_.sql(), claim.pool);
        if (!pool || pool->terminating || kind_of(claim.pool).offers == nullptr) continue;
        out.pools.emplace(claim.pool, kind_of(claim.pool).offers(pool->spec));
    }
    return out;
}

Decision SqliteObjects::decide(Ref const& ref, std::vector<Claim> const& claims, bool stored) {
    SqliteAllocations const held(db_.sql(), db_.node());
    auto const own = stored ? held.own(ref) : std::vector<Holding>();
    return allocate(ref, claims, own, held, supply_for(claims), db_.clock().now());
}

// Every refusal comes before the first write: a refused put leaves nothing to undo.
Stored<Written> SqliteObjects::write_spec(PutRequest const& request, Draft const& draft) {
    auto const& ref = request.ref;
    bool const there = draft.former.has_value();
    if (!draft.settled) {
        auto const decision = decide(ref, draft.claims, there);
        if (auto const& problems = decision.problems; !problems.empty())
            return StoreRefusal{problems.front().code, problems.front().text, problems};
        if (!decision.exhausted.empty()) return StoreRefusal{"exhausted", decision.exhausted, {}};
        SqliteAllocations(db_.sql(), db_.node()).write(decision, db_.clock().now());
    }
    write_references(ref, draft);
    for (auto const& [label, sealed] : draft.credentials)
        Use(db_.sql().insert_credential, db_.node(), ref.kind, ref.key, label, sealed).run();

    auto const generation = there ? draft.former->generation + 1 : 1;
    auto const actor = origin_of(request.actor, request.source);
    Use(there ? db_.sql().update_object : db_.sql().insert_object, db_.node(), ref.kind, ref.key, generation,
        draft.sealed, request.source, db_.clock().now(), actor.request)
        .run();
    trail_.note(actor, "put", ref, generation, draft.changes);
    trail_.record_event(there ? "changed" : "created", ref, generation, actor);
    return Written{there ? Wrote::changed : Wrote::created, generation};
}

void SqliteObjects::write_references(Ref const& ref, Draft const& draft) {
    if (draft.refers_alike) return;
    if (draft.former) Use(db_.sql().delete_references, db_.node(), ref.kind, ref.key).run();
    for (auto const& to : draft.refers_to)
        Use(db_.sql().insert_reference, db_.node(), ref.kind, ref.key, to.kind, to.key).run();
}

std::vector<Ref> SqliteObjects::allocate_missing() {
    auto const waiting = [&](Statements& sql) {
        return rows(Use(sql.missing, db_.node()), [](Use const& row) { return row.ref(0); });
    };
    if (db_.read(waiting).empty()) return {};
    return db_.run([&] {
        auto out = waiting(db_.sql());
        std::erase_if(out, [&](Ref const& ref) { return !give_missing(ref); });
        if (!out.empty()) db_.set_counter("objects", db_.counter("objects") + 1);  // they show what they were given
        return out;
    });
}

bool SqliteObjects::give_missing(Ref const& ref) {
    auto const object = find_in(db_.sql(), ref);
    if (!object || object->terminating) return false;
    auto const decision = decide(ref, claims_of(ref, object->spec), true);
    bool const given =
        std::any_of(decision.give.begin(), decision.give.end(), [](Holding const& h) { return h.value.has_value(); });
    if (!decision.good() || !given) return false;
    SqliteAllocations(db_.sql(), db_.node()).write(decision, db_.clock().now());
    return true;
}

}  // namespace genesis
