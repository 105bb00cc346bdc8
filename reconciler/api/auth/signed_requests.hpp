// Requests that come over a network: who signed one, by GNS1-HMAC-SHA256.
#pragma once
#include "reconciler/api/auth/key_ring.hpp"
#include "reconciler/api/auth/rate_limit.hpp"
#include "reconciler/api/auth/signing.hpp"

namespace genesis {

// Every way of not being authenticated gets the same answer: 401, without a word on what was wrong. 429 is told to a
// key that proved itself. The nonce is not spent here but by what the request does (Origin); the target's alphabet is
// the router's business, after this, so that nobody learns a path or a rule without a key.
class SignedRequests final : public Authenticator {
public:
    // `audience`: this node's, "node:" and its name; never what the request says of its host.
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
