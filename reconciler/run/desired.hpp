// What is wanted of each object: its subject, the records it expands to, and what it refers to.
#pragma once
#include "reconciler/plan/expand.hpp"
#include "reconciler/store/objects.hpp"

#include <map>
#include <set>

namespace genesis {

using Dirty = std::set<Ref>;

// Not thread-safe; the loop's thread owns it.
class Desired {
public:
    // `node` names the object that keeps the records several objects share.
    Desired(NodeLayout layout, std::string const& node) : layout_(std::move(layout)), node_{"node", node} {}

    struct Wants {
        Subject subject;
        Records records;
    };
    using Overlay = std::map<Ref, Wants>;

    // Takes over what is stored; `now` decides whether a grace has passed. True when the object's generation is another
    // than before. Records are made again where the object, its phase or something it refers to has changed.
    bool upsert(Object const& object, Time now);
    void evict(Ref const& object);

    // The node's object among them, while it has records.
    [[nodiscard]] std::map<Ref, Wants> const& all() const { return wants_; }
    [[nodiscard]] Wants const* find(Ref const& object) const;
    // The object that wants the record; null when none does.
    [[nodiscard]] Ref const* owner(Ref const& record) const;
    // Objects that refer to this one; the node's too, where what it wants has changed.
    [[nodiscard]] Dirty dependents(Ref const& object) const;
    [[nodiscard]] Ref const& node() const { return node_; }

    // What would be wanted of the object and of what depends on it if it were stored so.
    [[nodiscard]] Overlay overlay(Object const& object, Time now) const;

    // Records that are wanted otherwise than when they last were in sync, though their object's generation is the same.
    [[nodiscard]] bool respecified(Ref const& record) const { return respecified_.contains(record); }
    void settled(Ref const& record) { respecified_.erase(record); }
    // Objects under removal, and those of them that no operator has confirmed.
    [[nodiscard]] Dirty const& ending() const { return ending_; }
    [[nodiscard]] Dirty const& leaving() const { return leaving_; }

private:
    using Referred = std::map<Ref, json::object const*>;
    struct Basis {  // what records were made of
        std::int64_t generation = 0;
        Phase phase{};
        std::map<Ref, std::int64_t> referred;  // with their generations
        bool operator==(Basis const&) const = default;
    };
    [[nodiscard]] Subject subject_of(Object const& object, Referred const& referred, Time now) const;
    [[nodiscard]] Referred referred_by(Object const& object, Object const* instead) const;
    [[nodiscard]] Expansion expanded(Subject const& subject, Referred const& referred) const;
    void want(Ref const& object, Expansion expansion);
    void share(Ref const& object, Records records);
    void refresh_node();
    void refer(Ref const& object, std::set<Ref> to);

    NodeLayout layout_;
    Ref node_;
    std::map<Ref, Wants> wants_;
    std::map<Ref, Basis> basis_;
    std::map<Ref, std::set<Ref>> refers_, referrers_;    // between objects
    RefMap<Ref> owners_;                                 // of records
    std::map<Ref, std::map<Ref, json::object>> shared_;  // by record, who wants it and how
    std::map<Ref, std::set<Ref>> sharing_;               // by object, the shared records it wants
    RefSet respecified_;
    Dirty ending_, leaving_;
};

}  // namespace genesis
