// Finds the key that signed a request.
#include "reconciler/api/auth/signed_requests.hpp"

#include "reconciler/api/auth/network.hpp"

#include <algorithm>

namespace genesis {
namespace {

bool one_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

// Each part must be one line, and "-" must mean that there is no If-Match: equal strings then mean equal requests.
bool is_signable(Request const& request) {
    auto const condition = request.headers.find("if-match");
    if (condition != request.headers.end() && (condition->second.empty() || condition->second == "-")) return false;
    return one_line(request.method) && one_line(request.target) && one_line(request.header("content-type")) &&
           one_line(request.header("if-match"));
}

bool may_come_from(ApiKey const& key, std::string const& address) {
    return key.cidrs.empty() ||
           std::any_of(key.cidrs.begin(), key.cidrs.end(), [&](auto const& net) { return in_network(net, address); });
}

}  // namespace

// Both MACs are always computed: the time does not reveal which one matches, or whether there is a key.
std::shared_ptr<ApiKey const> SignedRequests::signer(Signed const& said, Request const& request) const {
    auto const candidates = keys_.candidates(said.kid, clock_.now());
    auto const text = string_to_sign(said.kid, said.ts, said.nonce, request.method, audience_, request.target,
                                     request.header("content-type"), request.header("if-match"), request.body);
    std::shared_ptr<ApiKey const> out;
    for (auto const& candidate : candidates)
        if (verifies(candidate.secret, text, said.sig)) out = candidate.key;
    return out;
}

boost::system::result<Identity, Answer> SignedRequests::authenticate(Request const& request,
                                                                     Connection const& connection) const {
    auto const said = parse_authorization(request.header("authorization"));
    if (!said || !is_signable(request)) return unauthenticated();
    auto const now = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
    if (said->ts < now - window || said->ts > now + window) return unauthenticated();
    auto const key = signer(*said, request);
    if (!key || !may_come_from(*key, connection.from)) return unauthenticated();
    if (!limits_.allow(key->kid)) return problem(429, "too_many_requests", "the key is over its rate limit");
    return Identity{"key " + key->kid, key->scopes, Nonce{key->kid, said->ts, said->nonce},
                    ReplyKey{key->kid, key->secret, said->nonce}, key->expires};
}

}  // namespace genesis
