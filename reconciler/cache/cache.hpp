// What may be forgotten at any time: short-lived answers, and counts of requests. A port.
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

// No member throws, and none takes longer than the cache's deadline (50 ms where it is not in this process): a cache
// that is gone or slow is one that holds nothing. Every member may be called from any thread.
// Only what any reader of the API may see goes in: answers with their secrets redacted, never a credential or a key.
struct Cache {
    virtual ~Cache() = default;
    // What was set last under the key, unless its time is over or it was forgotten.
    virtual std::optional<std::string> get(std::string const& key) = 0;
    virtual void set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) = 0;
    // Adds to a counter that starts at zero in each window, and says what it comes to; nothing when that cannot be
    // told. Windows begin at multiples of their length since 1970, so that all processes count the same ones: two
    // neighbouring windows may each be filled within one window's length.
    virtual std::optional<std::int64_t> add(std::string const& key, std::int64_t amount,
                                            std::chrono::milliseconds window) = 0;
};

}  // namespace genesis
