// The valid signing keys, in memory; read again when the version of the keys changes.
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

    // A secret to verify with. A placeholder for a missing key has no key and a secret nobody knows.
    struct Candidate {
        Secret secret;
        std::shared_ptr<ApiKey const> key;
    };
    // Always two, so that an unknown, expired, not yet valid or revoked key takes as long as a valid one. Only the two
    // newest valid secrets of a key id count: rotating twice ends the first at once. Throws Fault if the store cannot
    // be read.
    [[nodiscard]] std::array<Candidate, 2> candidates(std::string const& kid, Time now) const;

private:
    using Ring = std::map<std::string, std::vector<std::shared_ptr<ApiKey const>>, std::less<>>;  // the newest first
    [[nodiscard]] std::shared_ptr<Ring const> current() const;

    Keys& keys_;
    Secret const nobody_;  // 32 random bytes, different in each process
    mutable std::mutex mutex_;
    mutable std::shared_ptr<Ring const> ring_;
    mutable std::int64_t version_ = -1;
};

// 32 random bytes. Throws Fault.
Secret new_key_secret();

}  // namespace genesis
