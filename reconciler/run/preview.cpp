// A plan for what is not stored: learnt as if it were, and forgotten again.
#include "reconciler/run/reconciler.hpp"

#include <utility>

namespace genesis {

class Reconciler::Undisturbed {
public:
    Undisturbed(Reconciler& of, Dirty const& scope)
        : of_(of),
          scope_(scope),
          subjects_(part(of.subjects_)),
          conditions_(part(of.conditions_)),
          observed_(part(of.observed_)),
          expanded_(part(of.expanded_)),
          packages_(of.packages_),
          packages_version_(of.packages_version_),
          applied_(of.applied_),
          respecified_(of.respecified_) {
        for (auto const& object : scope)
            if (auto const ours = of.by_object_.find(object); ours != of.by_object_.end())
                for (auto const& ref : ours->second) states_.emplace(ref, of.states_.at(ref));
    }
    ~Undisturbed() {
        put_back(of_.subjects_, subjects_);
        put_back(of_.conditions_, conditions_);
        put_back(of_.observed_, observed_);
        put_back(of_.expanded_, expanded_);
        of_.packages_ = std::move(packages_);
        of_.packages_version_ = packages_version_;
        of_.applied_ = std::move(applied_);
        of_.respecified_ = std::move(respecified_);
        for (auto& [ref, state] : states_) of_.states_.insert_or_assign(ref, std::move(state));
    }
    Undisturbed(Undisturbed const&) = delete;
    Undisturbed& operator=(Undisturbed const&) = delete;

private:
    template <class Map>
    Map part(Map const& all) const {
        Map out;
        for (auto const& object : scope_)
            if (auto const it = all.find(object); it != all.end()) out.insert(*it);
        return out;
    }
    template <class Map>
    void put_back(Map& all, Map& kept) const {
        for (auto const& object : scope_) all.erase(object);
        all.merge(kept);
    }
    Reconciler& of_;
    Dirty const scope_;
    std::map<Ref, Subject> subjects_;
    std::map<Ref, std::vector<Condition>> conditions_;
    std::map<Ref, std::int64_t> observed_;
    std::map<Ref, std::pair<std::uint64_t, Records>> expanded_;
    Packages packages_;
    std::uint64_t packages_version_;
    std::set<Ref> applied_, respecified_;
    std::map<Ref, RecordState> states_;
};

Plan Reconciler::preview(Object const& object, std::stop_token const& stop) {
    auto const scope = with_dependents({object.ref});
    refresh(scope);
    Undisturbed const kept(*this, scope);
    if (object.ref.kind == "package") {
        packages_[object.ref.key] = object.spec;
        ++packages_version_;
    }
    learn(object);
    for (auto const& ref : scope)
        if (auto const other = ref == object.ref ? std::nullopt : store_.find(ref)) learn(*other);
    auto seen = world(scope, false, stop);
    return plan_for(seen);
}

}  // namespace genesis
