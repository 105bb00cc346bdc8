// Seals secrets at rest with one master key, and makes new ones.
#pragma once
#include "drivers/context.hpp"
#include "resources/schema/secret.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace genesis {

// AES-256-GCM (NIST SP 800-38D) under a random 96-bit nonce. A sealed text is
// "v1:" + base64(nonce | ciphertext | tag). Safe to use from several threads at once.
class Vault {
public:
    enum class WhenMissing {
        make,   // a first start: there is nothing sealed yet
        refuse  // something is sealed already, so a new key would make all of it unreadable
    };
    // The key file holds 32 bytes, is root's and readable by nobody else. Throws Fault when it is shorter or longer,
    // when all its bytes are equal, when others may read it, and when it is missing and must not be made.
    // Call it once a process, after the lock that keeps a second daemon out.
    static Vault open(std::string_view path, WhenMissing when_missing = WhenMissing::make);
    // The same bytes without a file: for tests and for restoring a backup. Throws Fault like open().
    static Vault with_key(Secret key);

    // `bound_to` says where the sealed text belongs (the object's ref and the pointer of the field). It is not stored,
    // only authenticated: a text that was moved elsewhere does not unseal.
    [[nodiscard]] std::string seal(Secret const& secret, std::string_view bound_to) const;
    // Throws Fault when the text is not ours, was changed, or was sealed for another place; never says which bytes.
    [[nodiscard]] Secret unseal(std::string_view sealed, std::string_view bound_to) const;

    // 32 bytes for one purpose, always the same from the same master key (HMAC-SHA-256 of the purpose): who holds them
    // learns nothing of the master key or of what is derived for another purpose.
    [[nodiscard]] Secret derive(std::string_view purpose) const;

    // Letters and digits, each with the same chance; 24 of them hold 142 bits.
    static Secret generate(std::size_t length = 24);

private:
    explicit Vault(Secret key) : key_(std::move(key)) {}
    Secret key_;
};

}  // namespace genesis
