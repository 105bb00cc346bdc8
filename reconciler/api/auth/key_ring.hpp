// The keys that may sign now, in memory: read again whenever the store says that one was changed.
#pragma once
#include "reconciler/store/keys.hpp"

#include <array>
#include <map>
#include <memory>
#include <mutex>

namespace genesis {

class KeyRing {
public:
    explicit KeyRing(Keys& keys);

    // A secret to try. Those that stand in for a key that is not there have no key and a secret nobody knows.
    struct Candidate {
        Secret secret;
        std::shared_ptr<ApiKey const> key;
    };
    // Always two of them, so that an unknown, expired, not yet valid or revoked key costs what a good one costs. At
    // most the two newest valid secrets of a kid count: rotating twice ends the first at once. Throws Fault when the
    // store cannot be read: then nobody may sign.
    [[nodiscard]] std::array<Candidate, 2> candidates(std::string const& kid, Time now) const;

private:
    using Ring = std::map<std::string, std::vector<std::shared_ptr<ApiKey const>>, std::less<>>;  // the newest first
    [[nodiscard]] std::shared_ptr<Ring const> current() const;

    Keys& keys_;
    Secret const nobody_;  // 32 random bytes, other ones in each process
    mutable std::mutex mutex_;
    mutable std::shared_ptr<Ring const> ring_;
    mutable std::int64_t version_ = -1;
};

// 32 bytes from the system's generator: a new key's secret. Throws Fault.
Secret new_key_secret();

}  // namespace genesis
