// First what the object has and still claims, then what it asks for again, in the order of its claims.
#include "reconciler/allocate/allocate.hpp"

#include <algorithm>
#include <set>

namespace genesis {
namespace {

Value key_of(Claim const& claim) {
    if (claim.from == Claim::exact && claim.wildcards) return reversed(std::get<std::string>(claim.value));
    return claim.value;
}

std::string pool_of(Claim const& claim) { return claim.from == Claim::from_pool ? claim.pool.str() : ""; }

class Allocator {
public:
    Allocator(Ref const& object, std::vector<Holding> const& own, Holdings const& held, Supply const& supply, Time now)
        : object_(object), own_(own), unused_(own.size(), true), held_(held), supply_(supply), now_(now) {
        for (std::size_t i = 0; i < own_.size(); ++i) {
            if (!own_[i].slot.empty()) slotted_.push_back(i);
            if (own_[i].value) by_value_.emplace(std::pair(own_[i].space, *own_[i].value), i);
        }
    }

    Decision run(std::vector<Claim> const& claims) {
        std::vector<Claim const*> open;
        for (auto const& claim : claims)
            if (!keep(claim)) open.push_back(&claim);
        // Exact values first: nothing else may be given what a claim of the same object asks for by name.
        std::stable_partition(open.begin(), open.end(), [](auto const* claim) { return claim->from == Claim::exact; });
        for (auto const* claim : open)
            if (!retake(*claim)) choose(*claim);
        for (std::size_t i = 0; i < own_.size(); ++i)
            if (unused_[i]) (own_[i].value ? out_.release : out_.forget).push_back(own_[i]);
        return std::move(out_);
    }

private:
    [[nodiscard]] bool fits(Claim const& claim, Holding const& holding) const {
        if (holding.space != claim.space || holding.shared != claim.shared || !holding.value) return false;
        switch (claim.from) {
            case Claim::exact:
                return *holding.value == key_of(claim);
            case Claim::from_range:
                return std::holds_alternative<std::int64_t>(*holding.value);
            case Claim::from_pool:
                return holding.pool == pool_of(claim) || offers(claim.pool, *holding.value);
        }
        return false;
    }
    [[nodiscard]] bool offers(Ref const& pool, Value const& value) const {
        auto const known = supply_.pools.find(pool);
        return known != supply_.pools.end() &&
               std::find(known->second.begin(), known->second.end(), value) != known->second.end();
    }

    bool keep(Claim const& claim) {
        auto const i = find(claim, [&](std::size_t k) { return own_[k].slot == claim.slot; });
        if (!i) return false;
        unused_[*i] = false;
        mine_.insert({claim.space, *own_[*i].value});
        return true;
    }

    // The same value in another slot of the same object.
    bool retake(Claim const& claim) {
        auto const i = find(claim, [](std::size_t) { return true; });
        if (!i) return false;
        unused_[*i] = false;
        out_.forget.push_back(own_[*i]);
        give(claim, *own_[*i].value);
        return true;
    }

    // One that the object has, that nothing of this decision uses yet and that would do. An object may claim thousands
    // of names, which are found by themselves; slots are few.
    template <class F>
    [[nodiscard]] std::optional<std::size_t> find(Claim const& claim, F const& may) const {
        auto const usable = [&](std::size_t i) { return unused_[i] && fits(claim, own_[i]) && may(i); };
        if (claim.from == Claim::exact) {
            auto const [first, last] = by_value_.equal_range({claim.space, key_of(claim)});
            auto const it = std::find_if(first, last, [&](auto const& known) { return usable(known.second); });
            return it == last ? std::nullopt : std::optional(it->second);
        }
        auto const it = std::find_if(slotted_.begin(), slotted_.end(), usable);
        return it == slotted_.end() ? std::nullopt : std::optional(*it);
    }

    void choose(Claim const& claim) {
        switch (claim.from) {
            case Claim::exact:
                return exact(claim);
            case Claim::from_range:
                return from_range(claim);
            case Claim::from_pool:
                return claim.shared ? from_shared_pool(claim) : from_pool(claim);
        }
    }

    void exact(Claim const& claim) {
        auto const key = key_of(claim);
        if (mine_.contains({claim.space, key})) {
            if (!claim.slot.empty()) say(claim, "duplicate", "is claimed twice");
            return;
        }
        auto const name = text_of(claim.value);
        auto const by = held_.blocking(claim.space, key, claim.shared, object_, now_);
        if (by && by->released)
            return say(claim, claim.space + "_taken", name + " was given back too short a while ago");
        if (by) return taken(claim, *by);
        if (claim.wildcards) {
            if (auto const other = overlapping(claim.space, std::get<std::string>(key))) return taken(claim, *other);
            if (auto const parent = others_above(claim.space, std::get<std::string>(key)))
                return say(claim, claim.space + "_taken",
                           name + " is beneath " + *parent + ", which another " + object_.kind + " has");
        }
        give(claim, key);
    }

    // Never says whose it is: a tenant may read it.
    void taken(Claim const& claim, Holding const& by) {
        auto const what = by.object.kind.empty() ? object_.kind : by.object.kind;
        say(claim, claim.space + "_taken", text_of(claim.value) + " is used by another " + what);
    }

    // The nearest name above it that another has.
    [[nodiscard]] std::optional<std::string> others_above(std::string const& space, std::string const& name) const {
        if (supply_.beneath == NamesBeneath::allowed) return std::nullopt;
        for (auto dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1))
            if (held_.blocking(space, name.substr(0, dot), false, object_, now_)) return reversed(name.substr(0, dot));
        return std::nullopt;
    }

    // Every wildcard above the name; of a wildcard also its own name and all that is beneath.
    [[nodiscard]] std::optional<Holding> overlapping(std::string const& space, std::string const& name) const {
        auto const by = [&](std::string const& key) { return held_.blocking(space, key, false, object_, now_); };
        for (auto dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1))
            if (auto found = by(name.substr(0, dot) + ".*")) return found;
        if (!name.ends_with(".*")) return by(name + ".*");
        auto const parent = name.substr(0, name.size() - 2);
        if (auto found = by(parent)) return found;
        std::string const from = parent + ".", to = parent + "/";  // '/' follows '.' in ASCII
        if (held_.blocked_between(space, from, to, object_, now_)) return Holding{};
        return std::nullopt;
    }

    void from_range(Claim const& claim) {
        auto const known = supply_.ranges.find(claim.space);
        if (known == supply_.ranges.end()) return miss(claim, "this server gives no " + claim.space);
        auto const& range = known->second;
        auto const fits_machine = [&](std::int64_t n) { return !range.free || range.free(n); };
        auto next =
            std::max(range.first, held_.highest(claim.space, range.first, range.last).value_or(range.first - 1) + 1);
        for (; next <= range.last; ++next)
            if (!mine_.contains({claim.space, next}) && fits_machine(next)) return give(claim, next);
        if (claim.quarantine) {
            auto const loads = held_.loads(claim.space, now_);
            for (next = range.first; next <= range.last; ++next)
                if (!loads.contains(next) && !mine_.contains({claim.space, next}) && fits_machine(next))
                    return give(claim, next);
        }
        miss(claim, "every " + claim.space + " that may be given has been used");
    }

    void from_pool(Claim const& claim) {
        auto const* pool = pool_for(claim);
        if (pool == nullptr) return;
        auto const loads = held_.loads(claim.space, now_);
        for (auto const& value : *pool)
            if (!loads.contains(value) && !mine_.contains({claim.space, value})) return give(claim, value);
        miss(claim, "every " + claim.space + " of " + claim.pool.str() + " is in use");
    }

    void from_shared_pool(Claim const& claim) {
        auto const* pool = pool_for(claim);
        if (pool == nullptr) return;
        auto const loads = held_.loads(claim.space, now_);
        Value const* best = nullptr;
        std::int64_t least = 0;
        for (auto const& value : *pool) {
            auto const load = loads.find(value);
            if (load != loads.end() && load->second.alone) continue;
            auto const sharers = (load != loads.end() ? load->second.sharers : 0) + change_of(claim.space, value);
            if (best != nullptr && sharers >= least) continue;
            best = &value;
            least = sharers;
        }
        if (best == nullptr) return miss(claim, "no " + claim.space + " of " + claim.pool.str() + " is shared");
        give(claim, *best);
    }

    // How many more than are held now have the value once this decision is written.
    [[nodiscard]] std::int64_t change_of(std::string const& space, Value const& value) const {
        auto const same = [&](Holding const& h) { return h.space == space && h.value == value; };
        auto change = std::count_if(out_.give.begin(), out_.give.end(), same) -
                      std::count_if(out_.forget.begin(), out_.forget.end(), same);
        for (auto const i : slotted_)
            if (unused_[i] && same(own_[i])) --change;
        return change;
    }

    std::vector<Value> const* pool_for(Claim const& claim) {
        auto const known = supply_.pools.find(claim.pool);
        if (known != supply_.pools.end()) return &known->second;
        miss(claim, "there is no " + claim.pool.str());
        return nullptr;
    }

    void give(Claim const& claim, Value value) {
        mine_.insert({claim.space, value});
        out_.give.push_back(holding_of(claim));
        out_.give.back().value = std::move(value);
    }

    void miss(Claim const& claim, std::string why) {
        if (claim.required) {
            if (out_.exhausted.empty()) out_.exhausted = std::move(why);
            return;
        }
        for (auto const i : slotted_)  // known to be missing, and for the same reason
            if (unused_[i] && own_[i].slot == claim.slot && !own_[i].value && own_[i].why == why) {
                unused_[i] = false;
                return;
            }
        out_.give.push_back(holding_of(claim));
        out_.give.back().why = std::move(why);
    }

    [[nodiscard]] Holding holding_of(Claim const& claim) const {
        Holding h;
        h.space = claim.space;
        h.slot = claim.slot;
        h.object = object_;
        h.shared = claim.shared;
        h.pool = pool_of(claim);
        h.quarantine = claim.quarantine;
        h.since = now_;
        return h;
    }

    void say(Claim const& claim, std::string code, std::string text) {
        if (out_.problems.size() < most_problems)
            out_.problems.push_back({claim.path, std::move(code), std::move(text)});
    }

    Ref const& object_;
    std::vector<Holding> const& own_;
    std::vector<bool> unused_;
    std::vector<std::size_t> slotted_;
    std::multimap<std::pair<std::string, Value>, std::size_t> by_value_;
    Holdings const& held_;
    Supply const& supply_;
    Time const now_;
    std::set<std::pair<std::string, Value>> mine_;  // kept or given in this decision
    Decision out_;
};

}  // namespace

std::string reversed(std::string_view domain) {
    std::string out;
    out.reserve(domain.size());
    for (auto rest = domain;;) {
        auto const dot = rest.rfind('.');
        if (dot == std::string_view::npos) return out.append(rest);
        out.append(rest.substr(dot + 1)).push_back('.');
        rest = rest.substr(0, dot);
    }
}

Decision allocate(Ref const& object, std::vector<Claim> const& claims, std::vector<Holding> const& own,
                  Holdings const& held, Supply const& supply, Time now) {
    return Allocator(object, own, held, supply, now).run(claims);
}

}  // namespace genesis
