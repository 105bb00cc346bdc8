// The cache of one process, with least-recently-used eviction.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/cache/cache.hpp"

#include <list>
#include <mutex>
#include <unordered_map>

namespace genesis {

class MemoryCache final : public Cache {
public:
    // `most`: bytes of keys, values and overhead. A value of more than a quarter of it is not cached.
    MemoryCache(std::size_t most, Clock const& clock) : most_(most), clock_(clock) {}

    std::optional<std::string> get(std::string const& key) override;
    void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) override;
    [[nodiscard]] std::size_t bytes() const;

private:
    struct Entry {
        std::string key, value;
        Steady ends{};
    };
    using Entries = std::list<Entry>;  // the most recently used first
    static std::size_t cost(Entry const& entry);
    Entries::iterator living(std::string const& key);
    void keep(Entry entry);
    void drop(Entries::iterator entry);

    std::size_t const most_;
    Clock const& clock_;
    mutable std::mutex mutex_;
    Entries entries_;
    std::unordered_map<std::string_view, Entries::iterator> by_key_;
    std::size_t bytes_ = 0;
};

}  // namespace genesis
