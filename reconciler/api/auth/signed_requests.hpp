// Authenticates signed requests (GNS1-HMAC-SHA256).
#pragma once
#include "reconciler/api/auth/identity.hpp"
#include "reconciler/api/auth/key_ring.hpp"
#include "reconciler/api/auth/rate_limit.hpp"
#include "reconciler/api/auth/signing.hpp"

namespace genesis {

// Every failure gets the same answer: 401, without the reason. 429 is only for an authenticated key. The nonce is not
// consumed here but with what the request does (Actor). The syntax of the target is checked after this, so that nobody
// learns a path or a rule without a key.
class SignedRequests final : public Authenticator {
public:
    // `audience`: "node:" and the name of this node; the Host header does not matter.
    SignedRequests(KeyRing& keys, Clock const& clock, std::string audience, RateLimits& limits)
        : keys_(keys), clock_(clock), audience_(std::move(audience)), limits_(limits) {}

    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       Connection const& connection) const override;
    [[nodiscard]] bool blocks() const override { return limits_.blocks(); }

    static constexpr std::int64_t window = 120;  // seconds that ts may be away from now, either way

private:
    [[nodiscard]] std::shared_ptr<ApiKey const> signer(Signed const& said, Request const& request) const;

    KeyRing& keys_;
    Clock const& clock_;
    std::string const audience_;
    RateLimits& limits_;
};

}  // namespace genesis
