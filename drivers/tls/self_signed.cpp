// Makes a self-signed certificate and its key by libcrypto, in about 0.1 ms and without a process.
#include "drivers/tls/self_signed.hpp"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include "drivers/host/openssl.hpp"

#include <algorithm>
#include <array>

namespace genesis {

namespace {

using namespace host;

void must(bool ok, char const* what) {
    if (!ok) throw Fault(std::string("OpenSSL cannot ") + what + ": " + openssl_error());
}

void set_serial(X509* certificate) {
    NumberPtr const serial(BN_new());
    must(serial && BN_rand(serial.get(), 126, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "make a serial number");
    must(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr, "set the serial number");
}

void set_validity(X509* certificate, Time not_before, Time not_after) {
    auto const from = std::chrono::floor<std::chrono::seconds>(not_before);
    auto const until = std::chrono::floor<std::chrono::seconds>(not_after);
    must(ASN1_TIME_set(X509_getm_notBefore(certificate), from.time_since_epoch().count()) != nullptr, "set a date");
    must(ASN1_TIME_set(X509_getm_notAfter(certificate), until.time_since_epoch().count()) != nullptr, "set a date");
}

void add_name(X509_NAME* to, char const* part, std::string const& value) {
    must(X509_NAME_add_entry_by_txt(to, part, MBSTRING_ASC, reinterpret_cast<unsigned char const*>(value.c_str()), -1,
                                    -1, 0) == 1,
         "set a name");
}

void set_names(X509* certificate, std::vector<std::string> const& names) {
    auto* const subject = X509_get_subject_name(certificate);
    add_name(subject, "O", "Genesis");
    auto const plain = std::find_if(names.begin(), names.end(),
                                    [](std::string const& n) { return n.size() <= 64 && !n.starts_with('*'); });
    if (plain != names.end()) add_name(subject, "CN", *plain);
    must(X509_set_issuer_name(certificate, subject) == 1, "set the issuer");
}

void add_extension(X509* certificate, int which, std::string const& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    ExtensionPtr const extension(X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
    must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension");
}

bool is_address(std::string const& name) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

std::string alternatives_of(std::vector<std::string> const& names) {
    std::string out;
    for (auto const& name : names) out += (out.empty() ? "" : ",") + (is_address(name) ? "IP:" + name : "DNS:" + name);
    return out;
}

template <class Write>
std::string pem(Write write) {
    BioPtr const bio(BIO_new(BIO_s_secmem()));
    must(bio && write(bio.get()) == 1, "write PEM");
    char* bytes = nullptr;
    auto const size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

MadePair make_self_signed(std::vector<std::string> const& names, Time now, std::chrono::days lifetime) {
    KeyPtr const key(EVP_EC_gen("P-256"));
    CertificatePtr const certificate(X509_new());
    must(key && certificate, "make a key");
    must(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "set the version");
    set_serial(certificate.get());
    Time const from = std::chrono::floor<std::chrono::seconds>(now - std::chrono::days(1));
    Time const until = from + std::chrono::days(1) + lifetime;
    set_validity(certificate.get(), from, until);
    set_names(certificate.get(), names);
    must(X509_set_pubkey(certificate.get(), key.get()) == 1, "set the key");
    add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
    add_extension(certificate.get(), NID_subject_alt_name, alternatives_of(names));
    must(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "sign");
    return {pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }), pem([&](BIO* bio) {
                return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            }),
            from, until};
}

}  // namespace genesis
