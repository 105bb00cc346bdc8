// Which secrets are valid for a key id.
#include "reconciler/api/auth/key_ring.hpp"

#include <openssl/rand.h>

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t secret_size = 32;

// A secret that no generator makes is not used.
bool is_sound(Secret const& secret) {
    auto const& s = secret.reveal();
    return s.size() == secret_size && std::any_of(s.begin(), s.end(), [&](char c) { return c != s.front(); });
}

}  // namespace

Secret new_key_secret() {
    std::string out(secret_size, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1)
        throw Fault("keys: OpenSSL has no random bytes");
    return Secret(std::move(out));
}

KeyRing::KeyRing(Keys& keys) : keys_(keys), nobody_(new_key_secret()) {}

// The version is read first: a change between the two reads is picked up at the next request.
std::shared_ptr<KeyRing::Ring const> KeyRing::current() const {
    auto const version = keys_.keys_version();
    std::lock_guard const lock(mutex_);
    if (ring_ && version <= version_) return ring_;
    auto fresh = std::make_shared<Ring>();
    for (auto& key : keys_.keys()) {
        if (key.revoked || !is_sound(key.secret)) continue;
        auto& versions = (*fresh)[key.kid];
        versions.insert(versions.begin(), std::make_shared<ApiKey const>(std::move(key)));
    }
    ring_ = std::move(fresh);
    version_ = version;
    return ring_;
}

std::array<KeyRing::Candidate, 2> KeyRing::candidates(std::string const& kid, Time now) const {
    std::array<Candidate, 2> out{Candidate{nobody_, nullptr}, Candidate{nobody_, nullptr}};
    auto const ring = current();
    auto const versions = ring->find(kid);
    if (versions == ring->end()) return out;
    std::size_t found = 0;
    for (auto const& key : versions->second)
        if (found < out.size() && key->valid_at(now)) out.at(found++) = {key->secret, key};
    return out;
}

}  // namespace genesis
