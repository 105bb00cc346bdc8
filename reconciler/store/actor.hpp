// Who causes a write, kept with it in the one transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace genesis {

// The one-time number of a signed request.
struct Nonce {
    std::string kid;
    std::int64_t ts = 0;  // seconds since 1970, as signed
    std::string value;
};

struct Actor {
    std::string who = "genesis";  // "uid 0", "key billing", "file:acme.yaml"
    std::string from;             // "local", "192.0.2.7"
    std::string request;          // the X-Request-Id; empty when no request caused it
    // Still to be consumed. The transaction that consumes it takes it from here; one that was consumed before makes the
    // write a refusal, "replayed", and nothing is written.
    std::optional<Nonce> nonce;
};

}  // namespace genesis
