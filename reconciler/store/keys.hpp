// The keys that sign requests: made here, shown once, sealed at rest. A port.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/store/actor.hpp"
#include "reconciler/store/completion.hpp"
#include "resources/schema/secret.hpp"

#include <optional>
#include <string>
#include <vector>

namespace genesis {

// One secret under a key id. While a key is being rotated two of them are valid under the same id.
struct ApiKey {
    std::string kid;                  // [a-z0-9-]{4,32}
    std::int64_t version = 1;         // counts the secrets of this kid
    Secret secret;                    // 32 bytes
    std::vector<std::string> scopes;  // "read", "account:write", "vps:write", "admin"
    std::vector<std::string> cidrs;   // from where it may be used; empty: from anywhere
    std::string comment;
    Time created{};
    std::optional<Time> not_before, expires, revoked;
    [[nodiscard]] bool valid_at(Time now) const {
        return !revoked && (!not_before || *not_before <= now) && (!expires || now < *expires);
    }
};

struct Keys {
    virtual ~Keys() = default;
    // False when this kid and version are there already.
    virtual bool add_key(ApiKey const& key, Actor const& actor) = 0;
    // Every key there is or was, by kid and version.
    virtual std::vector<ApiKey> keys() = 0;
    // Every version of the kid that is valid ends at `at`. False when there is none.
    virtual bool expire_key(std::string const& kid, Time at, Actor const& actor) = 0;
    // Another secret under the rights of the newest one, which must be valid; all that were valid end at `former_end`
    // if not before. In one transaction: there is never a moment without a valid secret. Nothing when none is valid.
    virtual std::optional<ApiKey> rotate_key(std::string const& kid, Secret const& secret, Time former_end,
                                             Actor const& actor) = 0;
    // Every version of the kid, at once and for ever. False when there is none that was not revoked.
    virtual bool revoke_key(std::string const& kid, Actor const& actor) = 0;
    // Goes up with each change of a key: at once for those made through this object, within half a second for those of
    // others. Cheap, so that it can be asked with every request.
    virtual std::int64_t keys_version() = 0;
    // Consumes the nonce of a request that writes nothing else, durably. False when it was consumed before.
    virtual bool consume(Actor& actor) = 0;
    // The same, returning at once; `actor` lives until it completes. Throws Fault when the store is closing.
    virtual void consume(Actor& actor, Completion<bool> completion) = 0;
};

}  // namespace genesis
