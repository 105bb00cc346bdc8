// From stored objects to what is wanted, made again only where something it is made of has changed.
#include "reconciler/run/desired.hpp"

#include "resources/catalog.hpp"

namespace genesis {
namespace {

std::set<Ref> references_of(Object const& object) {
    auto const* kind = find_kind(object.ref.kind);
    return kind == nullptr ? std::set<Ref>{} : references(*kind->schema, object.spec);
}

}  // namespace

Desired::Wants const* Desired::find(Ref const& object) const {
    auto const it = wants_.find(object);
    return it == wants_.end() ? nullptr : &it->second;
}

Ref const* Desired::owner(Ref const& record) const {
    auto const it = owners_.find(record);
    return it == owners_.end() ? nullptr : &it->second;
}

Dirty Desired::dependents(Ref const& object) const {
    Dirty out;
    if (auto const it = referrers_.find(object); it != referrers_.end()) out = it->second;
    if (sharing_.contains(object)) out.insert(node_);
    return out;
}

// `instead` stands for the object it is of, as if it were stored so.
Desired::Referred Desired::referred_by(Object const& object, Object const* instead) const {
    Referred out;
    for (auto const& to : references_of(object)) {
        if (instead != nullptr && instead->ref == to)
            out[to] = &instead->spec;
        else if (auto const* known = find(to))
            out[to] = &known->subject.spec;
    }
    return out;
}

Subject Desired::subject_of(Object const& object, Referred const& referred, Time now) const {
    Subject s;
    s.ref = object.ref;
    s.generation = object.generation;
    s.request = object.request;
    s.spec = object.spec;
    s.numbers = numbers_of(object.allocations);
    s.paused = object.paused;
    s.adopt = object.adopt;
    s.confirmed = object.confirmed_generation >= object.generation;
    auto const* expander = find_expander(object.ref.kind);
    if (expander != nullptr && expander->suspended != nullptr && expander->suspended(object.spec))
        s.phase = Phase::suspended;
    if (!object.terminating) return s;
    auto const grace = expander != nullptr && expander->grace != nullptr ? expander->grace({s, referred, layout_})
                                                                         : std::chrono::seconds{};
    bool const over = object.purge || now >= *object.terminating + grace;
    s.phase = over ? Phase::purged : Phase::terminating;
    return s;
}

Expansion Desired::expanded(Subject const& subject, Referred const& referred) const {
    auto const* expander = find_expander(subject.ref.kind);
    if (expander == nullptr || subject.phase == Phase::purged) return {};
    return expander->expand({subject, referred, layout_});
}

bool Desired::upsert(Object const& object, Time now) {
    auto const referred = referred_by(object, nullptr);
    auto subject = subject_of(object, referred, now);
    Basis basis{subject.generation, subject.phase, {}};
    for (auto const& [to, spec] : referred) basis.referred[to] = wants_.at(to).subject.generation;
    bool const ends = subject.phase == Phase::terminating || subject.phase == Phase::purged;
    ending_.erase(object.ref);
    leaving_.erase(object.ref);
    if (ends) ending_.insert(object.ref);
    if (ends && !subject.confirmed) leaving_.insert(object.ref);

    auto const known = basis_.find(object.ref);
    bool const same = known != basis_.end() && known->second == basis;
    bool const former = known == basis_.end() || known->second.generation == basis.generation;
    if (!same) {
        want(object.ref, expanded(subject, referred));
        refer(object.ref, references_of(object));
        basis_[object.ref] = std::move(basis);
    }
    wants_[object.ref].subject = std::move(subject);
    return !former;
}

void Desired::want(Ref const& object, Expansion expansion) {
    auto& records = wants_[object].records;
    for (auto const& [ref, value] : expansion.records)
        if (auto const before = records.find(ref); before != records.end() && before->second != value)
            respecified_.insert(ref);
    for (auto const& [ref, value] : records)
        if (auto const it = owners_.find(ref); it != owners_.end() && it->second == object) owners_.erase(it);
    for (auto const& [ref, value] : expansion.records) owners_.insert_or_assign(ref, object);
    records = std::move(expansion.records);
    share(object, std::move(expansion.shared));
}

void Desired::share(Ref const& object, Records records) {
    auto const known = sharing_.find(object);
    if (records.empty() && known == sharing_.end()) return;
    if (known != sharing_.end()) {
        for (auto const& ref : known->second) {
            shared_[ref].erase(object);
            if (shared_[ref].empty()) shared_.erase(ref);
        }
        sharing_.erase(known);
    }
    for (auto& [ref, value] : records) {
        sharing_[object].insert(ref);
        shared_[ref][object] = std::move(value);
    }
    refresh_node();
}

// Where objects disagree about a shared record, the first by name decides: the others wait for a value that never
// comes, and say so.
void Desired::refresh_node() {
    Expansion all;
    for (auto const& [ref, by] : shared_) all.records.emplace(ref, by.begin()->second);
    auto& subject = wants_[node_].subject;
    subject.ref = node_;
    subject.generation = 1;
    want(node_, std::move(all));
}

void Desired::refer(Ref const& object, std::set<Ref> to) {
    for (auto const& former : refers_[object]) referrers_[former].erase(object);
    for (auto const& ref : to) referrers_[ref].insert(object);
    refers_[object] = std::move(to);
}

void Desired::evict(Ref const& object) {
    if (!wants_.contains(object)) return;
    want(object, {});
    refer(object, {});
    refers_.erase(object);
    wants_.erase(object);
    basis_.erase(object);
    ending_.erase(object);
    leaving_.erase(object);
}

Desired::Overlay Desired::overlay(Object const& object, Time now) const {
    Overlay out;
    auto add = [&](Object const& o) {
        auto const referred = referred_by(o, &object);
        auto subject = subject_of(o, referred, now);
        auto records = expanded(subject, referred).records;
        out[o.ref] = {std::move(subject), std::move(records)};
    };
    add(object);
    for (auto const& ref : dependents(object.ref)) {
        auto const* known = find(ref);
        if (known == nullptr || ref == node_) continue;
        auto const phase = known->subject.phase;
        Object dependent;
        dependent.ref = ref;
        dependent.generation = known->subject.generation;
        dependent.spec = known->subject.spec;
        for (auto const& [slot, number] : known->subject.numbers) dependent.allocations[slot] = {slot, number, ""};
        dependent.request = known->subject.request;
        dependent.paused = known->subject.paused;
        dependent.adopt = known->subject.adopt;
        dependent.confirmed_generation = known->subject.confirmed ? known->subject.generation : 0;
        if (phase == Phase::terminating || phase == Phase::purged)
            continue;  // nothing of it follows the other any more
        add(dependent);
    }
    return out;
}

}  // namespace genesis
