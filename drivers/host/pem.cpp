// Certificates and keys as servers load them: parsed and matched by OpenSSL, without a process.
#include "drivers/host/pem.hpp"

#include <openssl/pem.h>
#include "drivers/host/openssl.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>
#include <ctime>
#include <mutex>
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

std::string refused_by_server(std::vector<CertificatePtr> const& chain, EVP_PKEY* key, SSL_CTX* policy) {
    ConnectionPtr const server(SSL_new(policy));
    if (!server) return "OpenSSL: " + openssl_error();
    if (SSL_use_certificate(server.get(), chain.front().get()) != 1) return "chain.pem is refused: " + openssl_error();
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (SSL_add1_chain_cert(server.get(), chain[i].get()) != 1) return "chain.pem is refused: " + openssl_error();
    if (SSL_use_PrivateKey(server.get(), key) != 1 || SSL_check_private_key(server.get()) != 1)
        return "key.pem is refused: " + openssl_error();
    return {};
}

PairRead parse_pair(std::string_view chain_pem, std::string_view key_pem, SSL_CTX* policy) {
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
    auto why = refused_by_server(chain, key.get(), policy);
    return {std::move(pair), std::move(why)};
}

// What stands before the first block is commentary (RFC 7468 2), different where different callers strip it or not.
std::string_view blocks(std::string_view pem) { return pem.substr(std::min(pem.find("-----BEGIN"), pem.size())); }

std::string name_of(std::string_view chain, std::string_view key) {
    return sha256(sha256(blocks(chain)) + sha256(blocks(key)));
}

}  // namespace

struct PairReader::Known {
    ServerPtr policy{SSL_CTX_new(TLS_server_method())};  // what the system's policy says to any server
    std::mutex mutex;
    std::unordered_map<std::string, PairRead> pairs;  // by the digests of both

    void keep(std::string name, PairRead const& read) {
        std::lock_guard const lock(mutex);
        if (pairs.size() >= 50000) pairs.clear();  // bounded, for pairs come and go
        pairs.insert_or_assign(std::move(name), read);
    }
};

PairReader::PairReader() : known_(std::make_unique<Known>()) {}
PairReader::~PairReader() = default;

PairRead PairReader::read(std::string_view chain, std::string_view key) {
    auto name = name_of(chain, key);
    {
        std::lock_guard const lock(known_->mutex);
        if (auto const found = known_->pairs.find(name); found != known_->pairs.end()) return found->second;
    }
    auto read = parse_pair(blocks(chain), blocks(key), known_->policy.get());
    known_->keep(std::move(name), read);
    return read;
}

void PairReader::trust(std::string_view chain, std::string_view key, Pair pair) {
    known_->keep(name_of(chain, key), {std::move(pair), {}});
}

}  // namespace genesis::host
