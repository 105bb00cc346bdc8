// The cache and the buckets that several processes of one store share: a Redis.
//
// Who may write to that Redis is trusted with little. A value is sealed with a key derived from the node's master key
// and bound to its name and the end of its time, so it can be neither read nor made up nor put elsewhere there; what
// does not open is no value. Left to such a writer: to forget values, and to change buckets, which hold no secret and
// cannot be sealed. So each process keeps buckets of its own beside them, and one that was emptied here refuses
// requests until it fills again: give the Redis to nobody else (a unix socket, or a password).
#pragma once
#include "drivers/secrets/vault.hpp"
#include "reconciler/cache/cache.hpp"
#include "reconciler/cache/redis_link.hpp"

#include <atomic>

namespace genesis {

class RedisCache final : public Cache, public SharedBuckets {
public:
    // Two processes share what they keep when node and master key are the same. Throws Fault like RedisLink.
    RedisCache(RedisServer server, std::string const& node, Vault const& master, Clock const& clock, Log& log);

    std::optional<std::string> get(std::string const& key) override;
    // Does not wait. A value of more than 1 MiB is not kept.
    void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) override;
    // By the clock of Redis, which all processes share.
    std::optional<bool> take(std::string const& key, Size const& size) override;
    // Whether Redis answered when it was last asked.
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
