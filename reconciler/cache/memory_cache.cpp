// An LRU cache: a list in the order of use, and a map into it.
#include "reconciler/cache/memory_cache.hpp"

namespace genesis {
namespace {

constexpr std::size_t keeping = 192;  // approximate overhead of an entry in bytes

}  // namespace

std::size_t MemoryCache::cost(Entry const& entry) { return entry.key.size() + entry.value.size() + keeping; }

void MemoryCache::drop(Entries::iterator entry) {
    bytes_ -= cost(*entry);
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

// Drops the entry if it has expired, else marks it as used.
MemoryCache::Entries::iterator MemoryCache::living(std::string const& key) {
    auto const found = by_key_.find(key);
    if (found == by_key_.end()) return entries_.end();
    if (found->second->ends <= clock_.steady()) {
        drop(found->second);
        return entries_.end();
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second;
}

void MemoryCache::keep(Entry entry) {
    if (auto const found = by_key_.find(entry.key); found != by_key_.end()) drop(found->second);
    if (cost(entry) > most_ / 4) return;
    bytes_ += cost(entry);
    entries_.push_front(std::move(entry));
    by_key_.emplace(entries_.front().key, entries_.begin());
    while (bytes_ > most_) drop(std::prev(entries_.end()));
}

std::optional<std::string> MemoryCache::get(std::string const& key) {
    std::lock_guard const lock(mutex_);
    auto const found = living(key);
    if (found == entries_.end()) return std::nullopt;
    return found->value;
}

void MemoryCache::set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) {
    std::lock_guard const lock(mutex_);
    keep({key, value, clock_.steady() + ttl});
}

std::size_t MemoryCache::bytes() const {
    std::lock_guard const lock(mutex_);
    return bytes_;
}

}  // namespace genesis
