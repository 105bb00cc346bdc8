// A cache before another one: what was found in the farther one is found in the nearer one from then on.
#pragma once
#include "reconciler/cache/cache.hpp"

namespace genesis {

// For keys that stand for one value for ever: the two layers may then hold nothing different.
class LayeredCache final : public Cache {
public:
    LayeredCache(Cache& near, Cache& far) : near_(near), far_(far) {}

    std::optional<std::string> get(std::string const& key) override {
        auto value = near_.get(key);
        if (value) return value;
        value = far_.get(key);
        if (value) near_.set(key, *value, again);
        return value;
    }
    void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) override {
        near_.set(key, value, ttl);
        far_.set(key, value, ttl);
    }

    static constexpr std::chrono::seconds again{1};  // how long what was found farther away had left is not known

private:
    Cache &near_, &far_;
};

}  // namespace genesis
