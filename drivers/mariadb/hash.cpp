// The verifier MariaDB keeps of a password.
#include "drivers/mariadb/kinds.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace genesis {
namespace {

std::string sha1(std::string const& data) {
    std::string digest(20, '\0');
    if (EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha1(),
                   nullptr) != 1)
        throw std::runtime_error("OpenSSL has no SHA-1");
    return digest;
}

}  // namespace

Secret native_password_hash(Secret const& clear) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    Secret const once(sha1(clear.reveal()));
    std::string out = "*";
    for (char const c : sha1(once.reveal())) {
        auto const byte = static_cast<unsigned char>(c);
        out += hex[byte >> 4U];
        out += hex[byte & 15U];
    }
    return Secret(std::move(out));
}

}  // namespace genesis
