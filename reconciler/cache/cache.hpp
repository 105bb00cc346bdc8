// The ports of the cache: short-lived answers, and shared rate limits. Everything in them may be lost at any time.
//
// There are no login sessions: each request over HTTPS is signed, and the kernel identifies the peer of the local
// socket.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace genesis {

// Members do not throw, may be called from any thread, and take at most 25 ms when the cache is in another process: one
// that is gone or slow is empty. A request uses each port at most once.
// Only what every reader of the API may see is cached: answers with redacted secrets, never a credential or a key.
struct Cache {
    virtual ~Cache() = default;
    // The last value of the key, unless it has expired or was evicted.
    virtual std::optional<std::string> get(std::string const& key) = 0;
    virtual void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) = 0;
};

// Token buckets that several processes share, of size `burst`, refilled with `per_second`.
struct SharedBuckets {
    struct Size {
        std::int64_t per_second = 1, burst = 1;  // both above zero
    };
    virtual ~SharedBuckets() = default;
    // Takes a token: false if there was none, nothing if the buckets cannot be reached.
    virtual std::optional<bool> take(std::string const& key, Size const& size) = 0;
};

}  // namespace genesis
