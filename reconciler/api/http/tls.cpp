// One OpenSSL server context for each pair of certificate and key.
#include "reconciler/api/http/tls.hpp"

#include "drivers/context.hpp"

#include <boost/asio/buffer.hpp>

namespace genesis {
namespace {

namespace ssl = boost::asio::ssl;

void restrict_protocol(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        throw Fault("OpenSSL has no such ciphers");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // sessions are kept in tickets, not in memory
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

void TlsCertificate::replace(std::string const& chain, Secret const& key) {
    try {
        auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
        restrict_protocol(made->native_handle());
        // A key behind a passphrase must not make OpenSSL ask on a terminal.
        made->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); });
        made->use_certificate_chain(boost::asio::buffer(chain));
        made->use_private_key(boost::asio::buffer(key.reveal()), ssl::context::pem);
        std::lock_guard const lock(mutex_);
        context_ = std::move(made);
    } catch (boost::system::system_error const& error) {
        throw Fault("certificate and key cannot be used: " + error.code().message());
    }
}

std::shared_ptr<ssl::context> TlsCertificate::context() const {
    std::lock_guard const lock(mutex_);
    return context_;
}

}  // namespace genesis
