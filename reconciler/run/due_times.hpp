// What is due when: each key has one time at most, and what is due is found without looking at the rest.
#pragma once
#include "drivers/driver.hpp"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace genesis {

class DueTimes {
public:
    void set(Ref const& key, Time at) {
        erase(key);
        at_.emplace(key, at);
        order_.emplace(at, key);
    }
    void erase(Ref const& key) {
        auto const known = at_.find(key);
        if (known == at_.end()) return;
        order_.erase({known->second, key});
        at_.erase(known);
    }
    [[nodiscard]] bool empty() const { return at_.empty(); }
    [[nodiscard]] bool contains(Ref const& key) const { return at_.contains(key); }
    [[nodiscard]] std::optional<Time> at(Ref const& key) const {
        auto const known = at_.find(key);
        return known == at_.end() ? std::nullopt : std::optional(known->second);
    }
    [[nodiscard]] std::optional<Time> next() const {
        return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
    }
    [[nodiscard]] std::vector<Ref> due(Time now) const {  // the earliest first
        std::vector<Ref> out;
        for (auto it = order_.begin(); it != order_.end() && it->first <= now; ++it) out.push_back(it->second);
        return out;
    }

private:
    std::map<Ref, Time> at_;
    std::set<std::pair<Time, Ref>> order_;
};

}  // namespace genesis
