// What is wanted of each object: its subject, the records it expands to, and what it refers to.
#pragma once
#include "reconciler/plan/expand.hpp"
#include "reconciler/run/due_times.hpp"
#include "reconciler/store/objects.hpp"
#include "resources/schema/packed.hpp"

#include <map>
#include <set>

namespace genesis {

using Dirty = std::set<Ref>;

// Not thread-safe; the loop's thread owns it.
class Desired {
public:
    // `node` names the object that keeps the records several objects share. The kinds and expanders outlive it.
    Desired(NodeLayout layout, std::string const& node, std::span<ObjectKind const> kinds,
            std::span<Expander const> expanders);

    struct Wants {
        Subject subject;
        Packed spec;
        std::map<Ref, Packed> records;             // where the expander failed, those of before
        std::map<Ref, std::string> unallocated{};  // see Expansion
        std::string fault{};                       // why the expander failed; it is a defect
        std::vector<std::uint64_t> values{};       // hash() of each of `records`, in their order; not of an overlay
    };
    using Overlay = std::map<Ref, Wants>;

    // Takes over what is stored, what an object refers to before it. True when the object's generation is another than
    // before. Records are made again where the object, its phase, its allocations or something it refers to has
    // changed.
    bool upsert(Object const& object);
    void evict(Ref const& object);

    // The node's object among them, with or without records.
    [[nodiscard]] std::map<Ref, Wants> const& all() const { return wants_; }
    [[nodiscard]] Wants const* find(Ref const& object) const;
    // The object that wants the record; null when none does.
    [[nodiscard]] Ref const* owner(Ref const& record) const;
    // value_hash() of what is wanted of the record; of an absent one where nothing is.
    [[nodiscard]] std::uint64_t value_of(Ref const& record) const;
    // Objects that refer to this one.
    [[nodiscard]] Dirty dependents(Ref const& object) const;
    [[nodiscard]] Ref const& node() const { return node_; }
    // Whether what the node's object wants has changed since this was last asked.
    [[nodiscard]] bool take_node_change() { return std::exchange(node_changed_, false); }
    // Kinds in this order: each after those it refers to.
    [[nodiscard]] std::size_t rank(std::string const& kind) const;

    // What would be wanted of the object and of what depends on it if it were stored so.
    [[nodiscard]] Overlay overlay(Object const& object) const;

    // Objects under removal that no operator has confirmed.
    [[nodiscard]] Dirty const& leaving() const { return leaving_; }
    // When the graces of terminating objects end: until it is stored that they are purged, their data stays. That of a
    // paused object does not end.
    [[nodiscard]] DueTimes const& graces() const { return graces_; }
    // Living objects that could not be given all they claim.
    [[nodiscard]] Dirty const& unallocated() const { return unallocated_; }

private:
    using Referred = std::map<Ref, json::object>;
    struct Owned {
        Ref const* by = nullptr;  // the key in wants_
        std::uint64_t value = 0;  // value_hash() of what it wants
    };
    struct Basis {  // what records were made of
        std::int64_t generation = 0;
        Phase phase{};
        std::map<Ref, std::int64_t> referred;  // with their generations
        bool operator==(Basis const&) const = default;
    };
    [[nodiscard]] std::set<Ref> references_of(Object const& object) const;
    [[nodiscard]] static Subject subject_of(Object const& object);
    [[nodiscard]] Phase phase_of(Object const& object, Subject& subject, Referred const& referred) const;
    [[nodiscard]] std::string settle_phase(Object const& object, Subject& subject, Referred const& referred) const;
    [[nodiscard]] Referred referred_by(Object const& object, Object const* instead) const;
    [[nodiscard]] Expansion expanded(Subject const& subject, json::object const& spec, Referred const& referred) const;
    [[nodiscard]] std::string make_records(Subject const& subject, json::object const& spec, Referred const& referred);
    void want(Ref const& object, Expansion expansion);
    void share(Ref const& object, Records records);
    void keep_shared(Ref const& record);
    void note_values(Wants& node) const;
    void overlay_shared(Overlay& out, std::map<Ref, Records> shared) const;
    void refer(Ref const& object, std::set<Ref> to);

    NodeLayout layout_;
    Ref node_;
    std::span<ObjectKind const> kinds_;
    std::span<Expander const> expanders_;
    std::vector<std::string> order_;  // of kinds of objects
    bool node_changed_ = false;
    std::map<Ref, Wants> wants_;
    std::map<Ref, Basis> basis_;
    std::map<Ref, std::set<Ref>> refers_, referrers_;  // between objects
    RefMap<Owned> owned_;                              // by record
    std::map<Ref, std::map<Ref, Packed>> shared_;      // by record, who wants it and how
    std::map<Ref, std::set<Ref>> sharing_;             // by object, the shared records it wants
    Dirty leaving_, unallocated_;
    DueTimes graces_;
};

}  // namespace genesis
