// The certificate of the API: what the configured files say, or one of our own; followed while they change.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/api/http/tls.hpp"

#include <memory>
#include <string>
#include <vector>

namespace genesis {

class ApiCertificate {
public:
    struct Files {
        std::string chain, key;  // PEM, read through symbolic links, as certbot and others make them
    };
    // Files that an administrator keeps.
    ApiCertificate(Files files, Log& log) : files_(std::move(files)), log_(log) { follow(); }
    // api-certificate.pem and api-key.pem (0600) in `directory`; made for `names` (host names and addresses) when one
    // of them is missing: EC P-256, self-signed, for ten years, because callers pin it.
    static ApiCertificate own(std::string const& directory, std::vector<std::string> const& names, Clock const& clock,
                              Log& log);

    // Reads the files again if they have changed. What cannot be used is logged once and changes nothing: connections
    // keep being encrypted with what was there before.
    void follow();
    // Null until the files could be used once. Stays where it is while this lives.
    [[nodiscard]] TlsCertificate const* current() const { return current_.get(); }
    [[nodiscard]] std::string const& why() const { return why_; }  // it could not; empty when it could

private:
    void use(std::string const& chain, Secret const& key);
    Files files_;
    Log& log_;
    std::string stamps_;  // of both files when they were last read
    std::string seen_;    // digest of both files as they were last looked at
    std::string why_;
    std::unique_ptr<TlsCertificate> current_;
};

}  // namespace genesis
