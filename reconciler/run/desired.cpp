// From stored objects to what is wanted, made again only where something it is made of has changed.
#include "reconciler/run/desired.hpp"

#include "reconciler/plan/plan.hpp"
#include "resources/catalog.hpp"

#include <algorithm>

namespace genesis {
namespace {

bool lacks_any(Allocations const& allocations) {
    return std::any_of(allocations.begin(), allocations.end(), [](auto const& slot) { return !slot.second.value; });
}

std::vector<std::string> order_of(std::span<ObjectKind const> kinds) {
    Kinds known;
    for (auto const& kind : kinds) known.emplace(kind.schema->kind, KindInfo{kind.schema, {}, {}});
    return making_order(known);
}

std::map<Ref, Packed> packed(Records const& records) {
    std::map<Ref, Packed> out;
    for (auto const& [ref, value] : records) out.emplace_hint(out.end(), ref, value);
    return out;
}

}  // namespace

Desired::Desired(NodeLayout layout, std::string const& node, std::span<ObjectKind const> kinds,
                 std::span<Expander const> expanders)
    : layout_(std::move(layout)), node_{"node", node}, kinds_(kinds), expanders_(expanders), order_(order_of(kinds)) {
    auto& subject = wants_[node_].subject;
    subject.ref = node_;
    subject.generation = 1;
}

std::size_t Desired::rank(std::string const& kind) const {
    return static_cast<std::size_t>(std::find(order_.begin(), order_.end(), kind) - order_.begin());
}

std::set<Ref> Desired::references_of(Object const& object) const {
    auto const* kind = find_kind(kinds_, object.ref.kind);
    return kind == nullptr ? std::set<Ref>{} : references(*kind->schema, object.spec);
}

Desired::Wants const* Desired::find(Ref const& object) const {
    auto const it = wants_.find(object);
    return it == wants_.end() ? nullptr : &it->second;
}

Ref const* Desired::owner(Ref const& record) const {
    auto const it = owned_.find(record);
    return it == owned_.end() ? nullptr : it->second.by;
}

std::uint64_t Desired::value_of(Ref const& record) const {
    static auto const absent = value_hash({});
    auto const it = owned_.find(record);
    return it == owned_.end() ? absent : it->second.value;
}

Dirty Desired::dependents(Ref const& object) const {
    auto const it = referrers_.find(object);
    return it == referrers_.end() ? Dirty{} : it->second;
}

// `instead` stands for the object it is of, as if it were stored so.
Desired::Referred Desired::referred_by(Object const& object, Object const* instead) const {
    Referred out;
    for (auto const& to : references_of(object)) {
        if (instead != nullptr && instead->ref == to)
            out[to] = instead->spec;
        else if (auto const* known = find(to))
            out[to] = known->spec.unpack();
    }
    return out;
}

Subject Desired::subject_of(Object const& object) {
    Subject s;
    s.ref = object.ref;
    s.generation = object.generation;
    s.request = object.request;
    s.allocations = object.allocations;
    s.paused = object.paused;
    s.adopt = object.adopt;
    s.confirmed = object.confirmed_generation >= object.generation;
    return s;
}

Phase Desired::phase_of(Object const& object, Subject& subject, Referred const& referred) const {
    auto const* expander = find_expander(expanders_, object.ref.kind);
    if (object.terminating && object.purge) return Phase::purged;
    if (object.terminating) {
        auto const grace = expander != nullptr && expander->grace != nullptr
                               ? expander->grace({subject, object.spec, referred, layout_})
                               : std::chrono::seconds{};
        subject.kept_until = *object.terminating + grace;
        return Phase::terminating;
    }
    bool const suspended = expander != nullptr && expander->suspended != nullptr && expander->suspended(object.spec);
    return suspended ? Phase::suspended : Phase::active;
}

// Why it is not known; the object then keeps the phase it had, and nothing of it is purged for that.
std::string Desired::settle_phase(Object const& object, Subject& subject, Referred const& referred) const {
    try {
        subject.phase = phase_of(object, subject, referred);
        return {};
    } catch (std::exception const& defect) {
        auto const* known = find(object.ref);
        subject.phase = object.terminating ? Phase::terminating
                        : known != nullptr ? known->subject.phase
                                           : Phase::active;
        return defect.what();
    }
}

Expansion Desired::expanded(Subject const& subject, json::object const& spec, Referred const& referred) const {
    auto const* expander = find_expander(expanders_, subject.ref.kind);
    if (expander == nullptr || subject.phase == Phase::purged) return {};
    return expander->expand({subject, spec, referred, layout_});
}

bool Desired::upsert(Object const& object) {
    auto const referred = referred_by(object, nullptr);
    auto subject = subject_of(object);
    auto fault = settle_phase(object, subject, referred);
    Basis basis{subject.generation, subject.phase, {}};
    for (auto const& [to, spec] : referred) basis.referred[to] = wants_.at(to).subject.generation;
    bool const ends = subject.phase == Phase::terminating || subject.phase == Phase::purged;
    auto const note = [&](Dirty& among, bool belongs) {
        if (belongs)
            among.insert(object.ref);
        else
            among.erase(object.ref);
    };
    graces_.erase(object.ref);
    if (subject.kept_until && !subject.paused) graces_.set(object.ref, *subject.kept_until);
    note(leaving_, ends && !subject.confirmed);
    note(unallocated_, !object.terminating && lacks_any(subject.allocations));

    auto const known = basis_.find(object.ref);
    bool const same = known != basis_.end() && known->second == basis &&
                      wants_.at(object.ref).subject.allocations == subject.allocations;
    bool const former = known == basis_.end() || known->second.generation == basis.generation;
    if (!same) {
        wants_[object.ref].spec = object.spec;
        refer(object.ref, references_of(object));
        if (fault.empty()) fault = make_records(subject, object.spec, referred);
        if (fault.empty())
            basis_[object.ref] = std::move(basis);
        else
            basis_.erase(object.ref);
    }
    auto& wants = wants_[object.ref];
    wants.subject = std::move(subject);
    wants.fault = std::move(fault);
    return !former;
}

// An expander that throws is a defect of that expander: the object keeps the records it had, and no other is held up.
// Returns what it threw.
std::string Desired::make_records(Subject const& subject, json::object const& spec, Referred const& referred) {
    try {
        want(subject.ref, expanded(subject, spec, referred));
        return {};
    } catch (std::exception const& defect) {
        return defect.what();
    }
}

void Desired::want(Ref const& object, Expansion expansion) {
    auto& [by, wants] = *wants_.try_emplace(object).first;
    auto& records = wants.records;
    for (auto const& [ref, value] : records)
        if (auto const it = owned_.find(ref); it != owned_.end() && *it->second.by == object) owned_.erase(it);
    wants.values.clear();
    wants.values.reserve(expansion.records.size());
    records = packed(expansion.records);
    for (auto const& [ref, value] : records) {
        wants.values.push_back(value.hash());
        owned_.insert_or_assign(ref, Owned{&by, wants.values.back()});
    }
    wants.unallocated = std::move(expansion.unallocated);
    share(object, std::move(expansion.shared));
}

void Desired::share(Ref const& object, Records records) {
    std::set<Ref> touched;
    if (auto const known = sharing_.extract(object)) touched = known.mapped();
    for (auto const& ref : touched) shared_[ref].erase(object);
    for (auto& [ref, value] : records) {
        sharing_[object].insert(ref);
        shared_[ref][object] = value;
        touched.insert(ref);
    }
    for (auto const& ref : touched) keep_shared(ref);
}

// Where objects disagree about a shared record, the first by name decides.
void Desired::keep_shared(Ref const& record) {
    auto& node = wants_.at(node_);
    auto const by = shared_.find(record);
    if (by->second.empty()) {
        shared_.erase(by);
        node.records.erase(record);
        owned_.erase(record);
        node_changed_ = true;
        return note_values(node);
    }
    auto const& value = by->second.begin()->second;
    auto const [known, fresh] = node.records.try_emplace(record, value);
    if (!fresh && known->second == value) return;
    known->second = value;
    owned_.insert_or_assign(record, Owned{&wants_.find(node_)->first, value.hash()});
    node_changed_ = true;
    note_values(node);
}

void Desired::note_values(Wants& node) const {
    node.values.clear();
    for (auto const& [record, value] : node.records) node.values.push_back(owned_.at(record).value);
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
    graces_.erase(object);
    leaving_.erase(object);
    unallocated_.erase(object);
}

Desired::Overlay Desired::overlay(Object const& object) const {
    Overlay out;
    std::map<Ref, Records> shared;
    auto add = [&](Object const& o) {
        auto const referred = referred_by(o, &object);
        auto subject = subject_of(o);
        subject.phase = phase_of(o, subject, referred);
        auto expansion = expanded(subject, o.spec, referred);
        shared[o.ref] = std::move(expansion.shared);
        out[o.ref] = {std::move(subject), {}, packed(expansion.records), std::move(expansion.unallocated)};
    };
    add(object);
    for (auto const& ref : dependents(object.ref)) {
        auto const* known = find(ref);
        if (known == nullptr) continue;
        auto const phase = known->subject.phase;
        Object dependent;
        dependent.ref = ref;
        dependent.generation = known->subject.generation;
        dependent.spec = known->spec.unpack();
        dependent.allocations = known->subject.allocations;
        dependent.request = known->subject.request;
        dependent.paused = known->subject.paused;
        dependent.adopt = known->subject.adopt;
        dependent.confirmed_generation = known->subject.confirmed ? known->subject.generation : 0;
        if (phase == Phase::terminating || phase == Phase::purged)
            continue;  // nothing of it follows the other any more
        add(dependent);
    }
    overlay_shared(out, std::move(shared));
    return out;
}

// What the node's object would want if these objects shared these records.
void Desired::overlay_shared(Overlay& out, std::map<Ref, Records> shared) const {
    std::map<Ref, std::map<Ref, Packed>> would;  // by record, of those that differ in any way
    auto const touch = [&](Ref const& record) -> auto& {
        auto const known = shared_.find(record);
        return would.try_emplace(record, known == shared_.end() ? std::map<Ref, Packed>{} : known->second)
            .first->second;
    };
    for (auto& [object, records] : shared) {
        if (auto const now = sharing_.find(object); now != sharing_.end())
            for (auto const& record : now->second) touch(record).erase(object);
        for (auto& [record, value] : records) touch(record)[object] = value;
    }
    auto const& known = wants_.at(node_);
    auto node = known;
    for (auto const& [record, by] : would)
        if (by.empty())
            node.records.erase(record);
        else
            node.records.insert_or_assign(record, by.begin()->second);
    if (node.records != known.records) out[node_] = std::move(node);
}

}  // namespace genesis
