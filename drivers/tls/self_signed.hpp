// Makes a self-signed certificate and its key by libcrypto, in about 0.1 ms and without a process.
#pragma once
#include "drivers/context.hpp"

#include <string>
#include <vector>

namespace genesis {

struct MadePair {
    std::string chain, key;  // PEM
    Time not_before{}, not_after{};
};

// EC P-256, SHA-256, a random serial; issuer O=Genesis; valid from a day before `now`, for clocks that differ.
// `names`: host names and IP addresses; must not be empty; the first without a wildcard that fits (64 bytes, RFC 5280)
// is also the common name.
MadePair make_self_signed(std::vector<std::string> const& names, Time now, std::chrono::days lifetime);

}  // namespace genesis
