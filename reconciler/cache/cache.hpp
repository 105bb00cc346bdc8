// What may be forgotten at any time: short-lived answers, and how much each key asked for lately. Two ports.
//
// There are no operator sessions to keep here: a request over HTTPS is signed by itself, and the kernel says who is at
// the other end of the local socket, so nobody ever logs in.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace genesis {

// No member throws, and none takes longer than the deadline of what is not in this process (25 ms: a request asks each
// port at most once): what is gone or slow holds nothing. Every member may be called from any thread.
// Only what any reader of the API may see goes in: answers with their secrets redacted, never a credential or a key.
struct Cache {
    virtual ~Cache() = default;
    // What was set last under the key, unless its time is over or it was forgotten.
    virtual std::optional<std::string> get(std::string const& key) = 0;
    virtual void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) = 0;
};

// Buckets that several processes take from: full one holds `burst`, and `per_second` flow in.
struct SharedBuckets {
    struct Size {
        std::int64_t per_second = 1, burst = 1;  // both above zero
    };
    virtual ~SharedBuckets() = default;
    // Whether there was one more in the key's bucket, which is taken then; nothing when that cannot be told.
    virtual std::optional<bool> take(std::string const& key, Size const& size) = 0;
};

}  // namespace genesis
