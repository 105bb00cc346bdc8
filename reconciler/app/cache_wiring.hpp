// Makes the caches and rate limits that genesis.yaml asks for: in memory, or in a Redis as well.
#pragma once
#include "reconciler/api/auth/rate_limit.hpp"
#include "reconciler/app/config.hpp"
#include "reconciler/cache/layered_cache.hpp"
#include "reconciler/cache/memory_cache.hpp"
#include "reconciler/cache/redis_cache.hpp"

#include <memory>

namespace genesis {

class Caches {
public:
    // Throws Fault if the password file cannot be read or others may read it. Does not wait for Redis.
    Caches(Config const& config, std::string const& node, Vault const& master, Clock const& clock, Log& log);

    Cache& answers() { return layers_ ? static_cast<Cache&>(*layers_) : memory_; }
    RateLimits& limits() { return shared_ ? static_cast<RateLimits&>(*shared_) : own_; }
    [[nodiscard]] RedisCache const* redis() const { return redis_.get(); }  // null if none is configured

private:
    MemoryCache memory_;
    TokenBuckets own_;
    std::unique_ptr<RedisCache> redis_;
    std::optional<LayeredCache> layers_;
    std::optional<SharedLimits> shared_;
};

}  // namespace genesis
