// GNS1-HMAC-SHA256: the string to sign of a request, its Authorization header, and the signature of an answer.
#pragma once
#include "resources/schema/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace genesis {

inline constexpr std::string_view signing_scheme = "GNS1-HMAC-SHA256";

// Lower-case hex of SHA-256 (FIPS 180-4); Fault when OpenSSL fails, as in every function here that hashes.
std::string sha256_hex(std::string_view bytes);
// Lower-case hex of HMAC-SHA-256 (RFC 2104).
std::string hmac_hex(Secret const& key, std::string_view text);
// Whether `sig_hex` is the MAC of `text`, in a time that does not depend on where they differ.
bool verifies(Secret const& key, std::string_view text, std::string_view sig_hex);

// The content of an Authorization header.
struct Signed {
    std::string kid;      // [a-z0-9-]{4,32}
    std::int64_t ts = 0;  // seconds since 1970
    std::string nonce;    // 22 of base64url
    std::string sig;      // 64 of lower-case hex
};
bool is_kid(std::string_view text);
// "GNS1-HMAC-SHA256 kid=…,ts=…,nonce=…,sig=…" in exactly this form; nothing otherwise.
std::optional<Signed> parse_authorization(std::string_view header);

// Ten lines, each ended by LF. `target` is as received; `if_match` is the header's value, empty when it is not there.
std::string string_to_sign(std::string_view kid, std::int64_t ts, std::string_view nonce, std::string_view method,
                           std::string_view audience, std::string_view target, std::string_view content_type,
                           std::string_view if_match, std::string_view body);

// What the answer to a signed request is signed with.
struct ReplyKey {
    std::string kid;
    Secret key;
    std::string nonce;  // the request's
};
// The value of X-Genesis-Signature: "GNS1-HMAC-SHA256 kid=…,sig=…" over five lines, each ended by LF:
// GNS1-HMAC-SHA256-RESPONSE, kid, the request's nonce, status, hex SHA-256 of the body bytes.
std::string reply_header(ReplyKey const& key, int status, std::string_view body);

}  // namespace genesis
