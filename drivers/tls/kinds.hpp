// What a machine has of certificates: a key and a chain for each site that serves HTTPS.
#pragma once
#include "resources/schema/codec.hpp"

#include <array>

namespace genesis {

enum class CertificateSource { self_signed, supplied };
template <>
struct EnumNames<CertificateSource> {
    static constexpr std::array names{std::pair{CertificateSource::self_signed, std::string_view("self_signed")},
                                      std::pair{CertificateSource::supplied, std::string_view("supplied")}};
};

struct Certificate {
    Domain name;
    CertificateSource source = CertificateSource::self_signed;
    std::vector<DomainPattern> names;
    std::string chain_digest, key_digest;
    Pem chain;
    Secret key;
    std::string files = "intact";
    std::string not_after;
};
template <>
struct Describe<Certificate> {
    static constexpr std::string_view kind = "certificate", doc = "/etc/genesis/tls/<name>/chain.pem and key.pem.";
    static constexpr auto fields = std::tuple{
        field("name", &Certificate::name, "The site's domain.", Attribute::key | Attribute::fixed),
        field("source", &Certificate::source, "Made here, or given."),
        field("names", &Certificate::names, "Subject alternative names of a self-signed one, sorted."),
        field("chain_digest", &Certificate::chain_digest, "SHA-256 of a supplied chain, hex; empty when self-signed."),
        field("key_digest", &Certificate::key_digest, "SHA-256 of a supplied key, hex; empty when self-signed."),
        field("chain", &Certificate::chain, "The supplied chain, leaf first.", Attribute::write_only),
        field("key", &Certificate::key, "The supplied key.", Attribute::write_only, {.text = &rules::pem}),
        field("files", &Certificate::files,
              "\"intact\", or what is wrong: missing, unreadable, mode, a key that does not match, names, expiry."),
        field("not_after", &Certificate::not_after, "End of validity, ISO 8601.", Attribute::reported),
    };
};

}  // namespace genesis
