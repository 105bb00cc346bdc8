// Certificates and keys as servers load them: parsed and matched by OpenSSL, without a process; and digests.
#include "drivers/host/pem.hpp"

#include <openssl/pem.h>
#include "drivers/host/openssl.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace genesis::host {

namespace {

// A key behind a passphrase must not make the library ask on a terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

BioPtr reader(std::string_view bytes) { return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

// Leaf first; empty when any block is not a certificate.
std::vector<CertificatePtr> certificates(std::string_view pem) {
    std::vector<CertificatePtr> out;
    auto const bio = reader(pem);
    while (auto* const next = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) out.emplace_back(next);
    auto const ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!ended) out.clear();
    return out;
}

Time time_of(ASN1_TIME const* asn1) {
    std::tm broken{};
    if (ASN1_TIME_to_tm(asn1, &broken) != 1) return {};
    return Time(std::chrono::seconds(::timegm(&broken)));
}

Pair describe(X509* leaf) {
    Pair pair;
    pair.not_before = time_of(X509_get0_notBefore(leaf));
    pair.not_after = time_of(X509_get0_notAfter(leaf));
    NamesPtr const names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        auto const* const name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS) continue;
        pair.names.emplace_back(reinterpret_cast<char const*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
    std::sort(pair.names.begin(), pair.names.end());
    return pair;
}

// What the system's policy says to any server; one for the process, for making it costs milliseconds.
SSL_CTX* policy() {
    static ServerPtr const server(SSL_CTX_new(TLS_server_method()));
    return server.get();
}

std::string refused_by_server(std::vector<CertificatePtr> const& chain, EVP_PKEY* key) {
    ConnectionPtr const server(SSL_new(policy()));
    if (!server) return "OpenSSL: " + openssl_error();
    if (SSL_use_certificate(server.get(), chain.front().get()) != 1) return "chain.pem is refused: " + openssl_error();
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (SSL_add1_chain_cert(server.get(), chain[i].get()) != 1) return "chain.pem is refused: " + openssl_error();
    if (SSL_use_PrivateKey(server.get(), key) != 1 || SSL_check_private_key(server.get()) != 1)
        return "key.pem is refused: " + openssl_error();
    return {};
}

}  // namespace

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        throw Fault("OpenSSL cannot compute SHA-256");
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        hex += digits[digest[i] >> 4U];
        hex += digits[digest[i] & 15U];
    }
    return hex;
}

namespace {

PairRead parse_pair(std::string_view chain_pem, std::string_view key_pem) {
    ERR_clear_error();
    auto const chain = certificates(chain_pem);
    if (chain.empty()) return {{}, "chain.pem is not a certificate"};
    auto pair = describe(chain.front().get());
    auto const bio = reader(key_pem);
    KeyPtr const key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    ERR_clear_error();
    if (!key) return {std::move(pair), "key.pem is not a private key, or one behind a passphrase"};
    auto const matches = X509_check_private_key(chain.front().get(), key.get()) == 1;
    ERR_clear_error();
    if (!matches) return {std::move(pair), "the key does not match the certificate"};
    auto why = refused_by_server(chain, key.get());
    return {std::move(pair), std::move(why)};
}

// By the digests of both; bounded, for pairs come and go.
class Memo {
public:
    std::optional<PairRead> find(std::string const& digests) {
        std::lock_guard const lock(mutex_);
        auto const found = known_.find(digests);
        return found == known_.end() ? std::nullopt : std::optional(found->second);
    }
    void keep(std::string digests, PairRead const& read) {
        std::lock_guard const lock(mutex_);
        if (known_.size() >= 50000) known_.clear();
        known_.insert_or_assign(std::move(digests), read);
    }

private:
    std::mutex mutex_;
    std::unordered_map<std::string, PairRead> known_;
};
Memo& memo() {
    static Memo one;
    return one;
}

// What stands before the first block is commentary (RFC 7468 2), different where different callers strip it or not.
std::string_view blocks(std::string_view pem) { return pem.substr(std::min(pem.find("-----BEGIN"), pem.size())); }

}  // namespace

PairRead read_pair(std::string_view chain, std::string_view key) {
    chain = blocks(chain);
    key = blocks(key);
    auto digests = sha256(chain) + sha256(key);
    if (auto known = memo().find(digests)) return std::move(*known);
    auto read = parse_pair(chain, key);
    memo().keep(std::move(digests), read);
    return read;
}

void vouch(std::string_view chain, std::string_view key, Pair pair) {
    memo().keep(sha256(blocks(chain)) + sha256(blocks(key)), {std::move(pair), {}});
}

}  // namespace genesis::host
