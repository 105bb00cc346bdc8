// One function a law.
#include "tests/simulation/laws.hpp"

#include "tests/simulation/shared.hpp"

#include <algorithm>

namespace genesis::simulation {
namespace {

bool says_ready(Status const& status) {
    return std::any_of(status.conditions.begin(), status.conditions.end(), [&](Condition const& c) {
        return is_true(c, ConditionType::ready) && c.observed_generation == status.observed_generation;
    });
}

}  // namespace

Laws::Known const* Laws::find(Ref const& object) const {
    auto const it = known_.find(object);
    return it == known_.end() ? nullptr : &it->second;
}

void Laws::learn(Objects& store, Ref const& ref) {
    auto object = store.find(ref);
    if (!object) {
        known_.erase(ref);
        return;
    }
    auto& known = known_[ref] = {std::move(*object), {}};
    if (find_expander(simulated_expanders(), ref.kind) != nullptr) return expand(known);
    for (auto& [other, referring] : known_)
        if (find_expander(simulated_expanders(), other.kind) != nullptr) expand(referring);
}

void Laws::learn_again(Objects& store) {
    for (auto const& [ref, before] : std::map<Ref, Known>(known_)) {
        auto const now = store.find(ref);
        if (!now && !before.object.terminating) verdict_.broken(ref.str() + " was stored and is lost");
        if (now && now->generation < before.object.generation) verdict_.broken(ref.str() + " lost a generation");
    }
    known_.clear();
    for (auto const& object : store.objects()) learn(store, object.ref);
}

void Laws::expand(Known& known) {
    known.wanted.clear();
    known.shared.clear();
    check_claims(known);
    if (known.object.terminating || !verdict_.good()) return;
    auto const* expander = find_expander(simulated_expanders(), known.object.ref.kind);
    Subject subject;
    subject.ref = known.object.ref;
    subject.generation = known.object.generation;
    subject.allocations = known.object.allocations;
    if (expander->suspended(known.object.spec)) subject.phase = Phase::suspended;
    std::map<Ref, json::object> referred;
    for (auto const& [ref, other] : known_)
        if (find_expander(simulated_expanders(), ref.kind) == nullptr) referred[ref] = other.object.spec;
    auto expansion = expander->expand({subject, known.object.spec, referred, NodeLayout{}});
    known.wanted = std::move(expansion.records);
    known.shared = std::move(expansion.shared);
}

std::map<Ref, json::object> Laws::shared() const {
    std::map<Ref, json::object> out;
    for (auto const& [object, known] : known_) out.insert(known.shared.begin(), known.shared.end());
    return out;
}

// What is had once is given once, with the spec, and a number never again.
void Laws::check_claims(Known const& known) {
    auto const& object = known.object;
    auto const numbers = numbers_of(object.allocations);
    auto const uid = numbers.find("uid");
    if (uid == numbers.end()) return verdict_.broken(object.ref.str() + " is stored without what it claims");
    auto const holder = object.ref.str() + " of " + iso(object.created);
    if (numbers_.emplace(uid->second, holder).first->second != holder)
        verdict_.broken("the number of " + holder + " was given before");
    for (auto const& [ref, other] : known_)
        for (auto const& [record, value] : other.wanted)
            if (ref != object.ref && known.wanted.contains(record)) verdict_.broken(record.str() + " was given twice");
}

bool Laws::wanted(Ref const& record) const {
    return std::any_of(known_.begin(), known_.end(), [&](auto const& known) {
        return known.second.wanted.contains(record) || known.second.shared.contains(record);
    });
}

std::string Laws::difference(std::map<Ref, json::object> const& wanted, bool strictly, bool slices) const {
    for (auto const& [ref, want] : wanted) {
        if ((!strictly && machine_.touched(ref)) || (!slices && ref.kind == "slice")) continue;
        auto const there = machine_.world.records.find(ref);
        if (there == machine_.world.records.end()) return ref.str() + " is missing";
        auto const changes = diff(*simulated_kinds().at(ref.kind).schema, want, there->second);
        if (!changes.empty()) return ref.str() + " differs in " + changes.front().path;
    }
    return {};
}

void Laws::check(Daemon& daemon, Objects& store) {
    check_rows(daemon);
    check_forgotten(daemon, store);
    check_ready(daemon);
}

// No record is lost: whatever was made has a row, so that the next start knows of it.
void Laws::check_rows(Daemon const& daemon) {
    for (auto const& [ref, object] : machine_.made())
        if (machine_.world.records.contains(ref) && !daemon.ledger.rows().contains(ref))
            verdict_.broken(ref.str() + " is on the machine, and no row says that it is ours");
}

// Ready is said of what was seen to be as the newest spec wants it. A slice follows the package as well.
void Laws::check_ready(Daemon const& daemon) {
    if (seen_version_ == daemon.cache.version()) return;
    seen_version_ = daemon.cache.version();
    for (auto const& [ref, known] : known_) {
        if (known.wanted.empty()) continue;
        auto const status = daemon.cache.status(known.object);
        if (status.records.empty() || status.observed_generation != known.object.generation) continue;
        if (!says_ready(status)) continue;
        if (auto const what = difference(known.wanted, false, false); !what.empty())
            verdict_.broken(ref.str() + " is said to be ready, and " + what);
    }
}

// An object goes when nothing of it is left, and never after it was put again.
void Laws::check_forgotten(Daemon const& daemon, Objects& store) {
    std::vector<Ref> gone;
    for (auto const& [ref, known] : known_)
        if (known.object.terminating && !store.find(ref)) gone.push_back(ref);
    for (auto const& object : gone) {
        known_.erase(object);
        for (auto const& [ref, owner] : daemon.ledger.rows())
            if (owner == object && machine_.world.records.contains(ref) && !machine_.touched(ref))
                verdict_.broken(object.str() + " was forgotten, and " + ref.str() + " of it is still there");
    }
}

void Laws::check_converged(Daemon& daemon, Objects& store, bool strictly) {
    check(daemon, store);
    if (daemon.reconciler.busy()) verdict_.broken("the reconciler is busy with nothing");
    for (auto const& [ref, known] : known_) {
        if (daemon.reconciler.in_flight(ref)) verdict_.broken(ref.str() + " is still in flight");
        if (!store.find(ref)) verdict_.broken(ref.str() + " is no longer stored");
        check_object(daemon, known, strictly);
    }
    if (!daemon.reconciler.pending().empty())
        verdict_.broken(daemon.reconciler.pending().begin()->str() + " was woken and never taken");
    if (auto const what = difference(shared(), strictly, true); !what.empty())
        verdict_.broken("what is shared has not converged: " + what);
    check_leftovers(daemon, strictly);
}

void Laws::check_object(Daemon const& daemon, Known const& known, bool strictly) {
    auto const name = known.object.ref.str();
    if (known.object.terminating && strictly) return verdict_.broken(name + " is still there");
    bool const disturbed = std::any_of(known.wanted.begin(), known.wanted.end(),
                                       [&](auto const& entry) { return machine_.touched(entry.first); });
    if (known.wanted.empty() || (disturbed && !strictly)) return;
    if (auto const what = difference(known.wanted, strictly, true); !what.empty())
        return verdict_.broken(name + " has not converged: " + what);
    auto const status = daemon.cache.status(known.object);
    if (!says_ready(status) || status.observed_generation != known.object.generation) {
        auto const& conditions = status.conditions;
        verdict_.broken(
            name + " is as wanted and not said to be ready: " + (conditions.empty() ? "" : conditions.front().message));
    }
}

// Nothing is there that nobody wants, but for data whose removal nobody has confirmed.
void Laws::check_leftovers(Daemon const& daemon, bool strictly) {
    for (auto const& [ref, value] : machine_.world.records) {
        if (wanted(ref)) continue;
        auto const owner = machine_.made().find(ref);
        auto const* known = owner == machine_.made().end() ? nullptr : find(owner->second);
        bool const may_stay = machine_.touched(ref) || simulated_kinds().at(ref.kind).traits.holds_data ||
                              (known != nullptr && known->object.terminating);
        if (strictly || !may_stay) verdict_.broken(ref.str() + " is left over");
    }
    if (!strictly) return;
    for (auto const& [ref, object] : daemon.ledger.rows())
        if (!wanted(ref)) verdict_.broken(ref.str() + " has a row, and nothing asks for it");
}

void Laws::check_stored(Daemon& daemon, Ledger& ledger) {
    auto const stored = ledger.records();
    for (auto const& row : stored)
        if (!daemon.ledger.rows().contains(row.ref))
            verdict_.broken(row.ref.str() + " has a row that came from nowhere");
    if (stored.size() != daemon.ledger.rows().size()) verdict_.broken("a row is lost");
}

}  // namespace genesis::simulation
