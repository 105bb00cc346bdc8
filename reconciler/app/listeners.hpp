// Opens the TCP listeners of the configuration and retries those that cannot be opened.
#pragma once
#include "reconciler/api/http/server.hpp"
#include "reconciler/api/listener_status.hpp"
#include "reconciler/app/certificate.hpp"
#include "reconciler/app/config.hpp"

#include <vector>

namespace genesis {

class Listeners {
public:
    struct Authenticators {
        Authenticator const& signed_requests;
        Authenticator const& probes;
    };
    // All arguments outlive this.
    Listeners(Config const& config, ApiServer& server, Authenticators authenticators, ApiCertificate const& certificate,
              ListenerStatus& status, Log& log);

    // Opens what is not open yet; to be called periodically. An address that cannot be opened is logged once and shown
    // in /readyz. False where one is left.
    bool open();

private:
    struct Address {
        std::string scheme, address;  // "https", "0.0.0.0:8443"
        Authenticator const* authenticator;
        ConnectionLimiter::Limits most{};
    };
    bool open(Address const& wanted);
    ApiServer& server_;
    ApiCertificate const& certificate_;
    ListenerStatus& status_;
    Log& log_;
    std::vector<Address> unopened_;
};

}  // namespace genesis
