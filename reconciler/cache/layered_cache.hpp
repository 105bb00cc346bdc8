// A near cache in front of a far one: what is found in the far one is copied to the near one.
#pragma once
#include "reconciler/cache/cache.hpp"

namespace genesis {

// Only for keys whose value never changes: the layers must not differ.
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

    static constexpr std::chrono::seconds again{1};  // the remaining time in the far cache is not known

private:
    Cache &near_, &far_;
};

}  // namespace genesis
