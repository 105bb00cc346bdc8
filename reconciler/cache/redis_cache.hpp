// A cache and token buckets in a Redis that several processes of one store share.
//
// Other clients of that Redis are trusted with little. A value is sealed with a key derived from the node's master key
// and bound to its name and expiry, so they can neither read, forge nor move it; a value that does not open is ignored.
// They can delete values, and change buckets, which hold no secret and are not sealed. So each process also keeps its
// own buckets; a bucket that was emptied refuses requests until it is refilled. No other program should have access to
// the Redis (a unix socket, or a password).
#pragma once
#include "drivers/secrets/vault.hpp"
#include "reconciler/cache/cache.hpp"
#include "reconciler/cache/redis_link.hpp"

#include <atomic>

namespace genesis {

class RedisCache final : public Cache, public SharedBuckets {
public:
    // Processes with the same node and master key share their values. Throws Fault like RedisLink.
    RedisCache(RedisServer server, std::string const& node, Vault const& master, Clock const& clock, Log& log);

    std::optional<std::string> get(std::string const& key) override;
    // Does not wait. A value of more than 1 MiB is not cached.
    void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) override;
    // By the clock of the Redis, which all processes share.
    std::optional<bool> take(std::string const& key, Size const& size) override;
    // Whether Redis is reachable.
    [[nodiscard]] bool up() const { return link_.up(); }
    // The name of a key in Redis.
    [[nodiscard]] std::string name_of(std::string const& key) const { return prefix_ + key; }

private:
    std::optional<std::string> opened(std::string const& name, std::string const& sealed);

    std::string const prefix_;
    Vault const vault_;
    Clock const& clock_;
    Log& log_;
    std::atomic<bool> logged_foreign_ = false;
    RedisLink link_;
};

}  // namespace genesis
