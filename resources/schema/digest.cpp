// Digests by OpenSSL.
#include "resources/schema/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace genesis {

namespace {

std::string raw(std::string_view bytes, EVP_MD const* kind) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, kind, nullptr) != 1)
        throw std::runtime_error("OpenSSL cannot compute a digest");
    return {reinterpret_cast<char const*>(digest.data()), size};
}

}  // namespace

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        hex += digits[byte >> 4U];
        hex += digits[byte & 15U];
    }
    return hex;
}

// Looked up once: what is asked for by EVP_sha256() is looked up by name again with each use.
std::string sha256(std::string_view bytes) {
    static EVP_MD const* const kind = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return to_hex(raw(bytes, kind));
}

std::string sha1_raw(std::string_view bytes) { return raw(bytes, EVP_sha1()); }

}  // namespace genesis
