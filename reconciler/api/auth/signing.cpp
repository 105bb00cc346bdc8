// Builds and parses the texts of the scheme; SHA-256 and HMAC come from OpenSSL.
#include "reconciler/api/auth/signing.hpp"

#include "drivers/context.hpp"
#include "resources/schema/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace genesis {
namespace {

using Digest = std::array<unsigned char, 32>;

unsigned char const* bytes_of(std::string_view text) { return reinterpret_cast<unsigned char const*>(text.data()); }

void must(bool worked) {
    if (!worked) throw Fault("signing: OpenSSL failed");
}

// HMAC is fetched once, with one context a thread: making one costs more than a MAC.
EVP_MAC_CTX* mac_context() {
    static EVP_MAC* const found = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    must(found != nullptr);
    thread_local std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(nullptr, &EVP_MAC_CTX_free);
    if (!context) context.reset(EVP_MAC_CTX_new(found));
    must(context != nullptr);
    return context.get();
}

Digest hmac(Secret const& key, std::string_view text) {
    std::string digest = "SHA256";
    std::array const how{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                         OSSL_PARAM_construct_end()};
    auto* const context = mac_context();
    Digest out{};
    std::size_t size = 0;
    must(EVP_MAC_init(context, bytes_of(key.reveal()), key.reveal().size(), how.data()) == 1 &&
         EVP_MAC_update(context, bytes_of(text), text.size()) == 1 &&
         EVP_MAC_final(context, out.data(), &size, out.size()) == 1 && size == out.size());
    return out;
}

std::string hex(Digest const& digest) { return to_hex({reinterpret_cast<char const*>(digest.data()), digest.size()}); }

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

std::optional<Digest> unhex(std::string_view text) {
    Digest out{};
    if (text.size() != 2 * out.size()) return std::nullopt;
    for (std::size_t i = 0; i < out.size(); ++i) {
        int const high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out.at(i) = static_cast<unsigned char>(16 * high + low);
    }
    return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

template <class F>
bool all_of(std::string_view text, F const& one) {
    return std::all_of(text.begin(), text.end(), one);
}

bool is_nonce(std::string_view text) {
    return text.size() == 22 && all_of(text, [](char c) {
               return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
           });
}

// At most twelve digits: the year 33658.
std::optional<std::int64_t> time_of(std::string_view text) {
    if (text.empty() || text.size() > 12 || !all_of(text, is_digit)) return std::nullopt;
    if (text.front() == '0' && text.size() > 1) return std::nullopt;
    std::int64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

// Removes "name=value", and a comma unless it is the last, from the front; returns the value.
std::optional<std::string_view> take(std::string_view& text, std::string_view name, bool last = false) {
    if (!text.starts_with(name)) return std::nullopt;
    text.remove_prefix(name.size());
    auto const comma = text.find(',');
    if ((comma == std::string_view::npos) != last) return std::nullopt;
    auto const value = text.substr(0, comma);
    text.remove_prefix(last ? text.size() : comma + 1);
    return value;
}

std::string lines(std::initializer_list<std::string_view> all) {
    std::string out;
    for (auto const& one : all) out.append(one).push_back('\n');
    return out;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return sha256(bytes); }

std::string hmac_hex(Secret const& key, std::string_view text) { return hex(hmac(key, text)); }

bool verifies(Secret const& key, std::string_view text, std::string_view sig_hex) {
    auto const said = unhex(sig_hex);
    auto const right = hmac(key, text);
    return said && CRYPTO_memcmp(said->data(), right.data(), right.size()) == 0;
}

bool is_kid(std::string_view text) {
    return text.size() >= 4 && text.size() <= 32 &&
           all_of(text, [](char c) { return is_digit(c) || is_lower(c) || c == '-'; });
}

std::optional<Signed> parse_authorization(std::string_view header) {
    if (!header.starts_with(signing_scheme)) return std::nullopt;
    header.remove_prefix(signing_scheme.size());
    auto const kid = take(header, " kid="), ts = take(header, "ts="), nonce = take(header, "nonce=");
    auto const sig = take(header, "sig=", true);
    if (!kid || !ts || !nonce || !sig || !is_kid(*kid) || !is_nonce(*nonce) || !unhex(*sig)) return std::nullopt;
    auto const time = time_of(*ts);
    if (!time) return std::nullopt;
    return Signed{std::string(*kid), *time, std::string(*nonce), std::string(*sig)};
}

std::string string_to_sign(std::string_view kid, std::int64_t ts, std::string_view nonce, std::string_view method,
                           std::string_view audience, std::string_view target, std::string_view content_type,
                           std::string_view if_match, std::string_view body) {
    return lines({signing_scheme, kid, std::to_string(ts), nonce, method, audience, target, content_type,
                  if_match.empty() ? "-" : if_match, sha256_hex(body)});
}

std::string reply_header(ReplyKey const& key, int status, std::string_view body) {
    auto const text =
        lines({"GNS1-HMAC-SHA256-RESPONSE", key.kid, key.nonce, std::to_string(status), sha256_hex(body)});
    std::string out(signing_scheme);
    return out.append(" kid=").append(key.kid).append(",sig=").append(hmac_hex(key.key, text));
}

}  // namespace genesis
