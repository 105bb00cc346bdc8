// AES-256-GCM through OpenSSL's EVP, and the master key's file.
#include "drivers/secrets/vault.hpp"

#include "drivers/host/files.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace genesis {
namespace {

constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16;
constexpr std::string_view version = "v1:";

using Bytes = std::vector<unsigned char>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char const* bytes(std::string_view text) { return reinterpret_cast<unsigned char const*>(text.data()); }
int count(std::string_view text) { return static_cast<int>(text.size()); }
void must(int ok) {
    if (ok != 1) throw Fault("vault: OpenSSL failed");
}
Cipher new_cipher() {
    Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    if (!cipher) throw Fault("vault: OpenSSL failed");
    return cipher;
}

// Looked up once: EVP_aes_256_gcm() is looked up by name again with each use.
EVP_CIPHER const* aes_256_gcm() {
    static EVP_CIPHER const* const found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    if (found == nullptr) throw Fault("vault: OpenSSL failed");
    return found;
}

std::string random_bytes(std::size_t size) {
    std::string out(size, '\0');
    must(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size)));
    return out;
}

std::string to_base64(Bytes const& data) {
    std::string out(4 * ((data.size() + 2) / 3), '\0');  // EVP_EncodeBlock's NUL lands on the string's own
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), data.data(), static_cast<int>(data.size()));
    return out;
}

// Nothing when `text` is not base64 as to_base64() writes it.
Bytes from_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return {};
    Bytes out(text.size() / 4 * 3);
    if (EVP_DecodeBlock(out.data(), bytes(text), count(text)) < 0) return {};
    auto const padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    out.erase(out.end() - padding, out.end());
    return to_base64(out) == text ? out : Bytes{};
}

Secret checked_key(Secret key) {
    auto const& k = key.reveal();
    if (k.size() != key_size) throw Fault("the master key is not 32 bytes long");
    if (std::all_of(k.begin(), k.end(), [&](char c) { return c == k.front(); }))
        throw Fault("the master key is 32 equal bytes, not a random one");
    return key;
}

void refuse_unless_private(host::FileStat const& seen, std::string_view path) {
    if (seen.owner.uid != 0 || (seen.owner.mode & 077) != 0)
        throw Fault(std::string(path) + ": the master key must be root's and 0600, it is " +
                    host::describe(seen.owner));
}

}  // namespace

Vault Vault::open(std::string_view path, WhenMissing when_missing) {
    auto const [parent, name] = host::split(path);
    auto dir = host::Dir::try_open(parent);
    if (!dir) dir = host::Dir::make_all(parent, {.uid = 0, .gid = 0, .mode = 0700});
    if (!dir->look(name)) {
        if (when_missing == WhenMissing::refuse)
            throw Fault(std::string(path) + ": the master key is missing, and secrets are sealed with it");
        Secret const fresh(random_bytes(key_size));
        dir->write(name, fresh.reveal(), {.uid = 0, .gid = 0, .mode = 0600});
    }
    auto file = dir->read(name);
    if (!file) throw Fault(std::string(path) + ": the master key is gone");
    refuse_unless_private(file->seen, path);
    return with_key(Secret(std::move(file->bytes)));
}

Vault Vault::with_key(Secret key) { return Vault(checked_key(std::move(key))); }

std::string Vault::seal(Secret const& secret, std::string_view bound_to) const {
    auto const& clear = secret.reveal();
    auto const nonce = random_bytes(nonce_size);
    Bytes out(nonce_size + clear.size() + tag_size);
    std::copy(nonce.begin(), nonce.end(), out.begin());
    auto const cipher = new_cipher();
    int written = 0;
    must(EVP_EncryptInit_ex(cipher.get(), aes_256_gcm(), nullptr, bytes(key_.reveal()), bytes(nonce)));
    must(EVP_EncryptUpdate(cipher.get(), nullptr, &written, bytes(bound_to), count(bound_to)));
    must(EVP_EncryptUpdate(cipher.get(), out.data() + nonce_size, &written, bytes(clear), count(clear)));
    auto* tag = out.data() + nonce_size + clear.size();
    must(EVP_EncryptFinal_ex(cipher.get(), tag, &written));
    must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_size), tag));
    return std::string(version) + to_base64(out);
}

Secret Vault::unseal(std::string_view sealed, std::string_view bound_to) const {
    auto data = sealed.starts_with(version) ? from_base64(sealed.substr(version.size())) : Bytes{};
    if (data.size() < nonce_size + tag_size) throw Fault("vault: this is not a sealed secret");
    auto const length = data.size() - nonce_size - tag_size;
    std::string clear(length, '\0');
    auto const cipher = new_cipher();
    int written = 0;
    must(EVP_DecryptInit_ex(cipher.get(), aes_256_gcm(), nullptr, bytes(key_.reveal()), data.data()));
    must(EVP_DecryptUpdate(cipher.get(), nullptr, &written, bytes(bound_to), count(bound_to)));
    auto* out = reinterpret_cast<unsigned char*>(clear.data());
    must(EVP_DecryptUpdate(cipher.get(), out, &written, data.data() + nonce_size, static_cast<int>(length)));
    auto* tag = data.data() + nonce_size + length;
    must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_size), tag));
    if (EVP_DecryptFinal_ex(cipher.get(), out + length, &written) != 1) {
        Secret const unproven(std::move(clear));  // wiped, never shown
        throw Fault("vault: a sealed secret was changed, or belongs elsewhere, or to another master key");
    }
    return Secret(std::move(clear));
}

Secret Vault::derive(std::string_view purpose) const {
    std::string out(key_size, '\0');
    unsigned size = 0;
    auto const* made = HMAC(EVP_sha256(), key_.reveal().data(), count(key_.reveal()), bytes(purpose), purpose.size(),
                            reinterpret_cast<unsigned char*>(out.data()), &size);
    if (made == nullptr || size != key_size) throw Fault("vault: OpenSSL failed");
    return Secret(std::move(out));
}

Secret Vault::generate(std::size_t length) {
    constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static_assert(alphabet.size() == 62);
    constexpr unsigned fair = 256 / 62 * 62;  // bytes from here on would favour the first letters
    std::string out;
    out.reserve(length);
    while (out.size() < length) {
        Secret const batch(random_bytes(length + 16));
        for (char const c : batch.reveal())
            if (auto const b = static_cast<unsigned char>(c); b < fair && out.size() < length) out += alphabet[b % 62];
    }
    return Secret(std::move(out));
}

}  // namespace genesis
