// The certificate of the API, replaceable while the server runs.
#pragma once
#include "resources/schema/secret.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace genesis {

// TLS 1.2 and 1.3, forward secrecy and AEAD only (RFC 9325), no renegotiation, no compression. Thread-safe.
class TlsCertificate {
public:
    // PEM, the leaf first. Throws Fault if the pair cannot be used.
    TlsCertificate(std::string const& chain, Secret const& key) { replace(chain, key); }
    // For new connections. Throws Fault and changes nothing if the pair cannot be used.
    void replace(std::string const& chain, Secret const& key);
    [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context() const;

private:
    std::mutex mutable mutex_;
    std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace genesis
