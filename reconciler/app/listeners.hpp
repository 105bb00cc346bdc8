// Opens the places where requests come in, as the configuration says, and tries again where one cannot be opened.
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
    // All that is given outlives this.
    Listeners(Config const& config, ApiServer& server, Authenticators authenticators, ApiCertificate const& certificate,
              ListenerStatus& listening, Log& log);

    // Opens what is not open yet; call it again now and then. An address that is taken is logged once, stands in
    // /readyz and does not keep the daemon from its other work.
    void open();

private:
    struct Wanted {
        std::string scheme, address;  // "https", "0.0.0.0:8443"
        Authenticator const* who;
        ConnectionLimiter::Limits most{};
    };
    bool open(Wanted const& wanted);
    ApiServer& server_;
    ApiCertificate const& certificate_;
    ListenerStatus& listening_;
    Log& log_;
    std::vector<Wanted> wanted_;
};

}  // namespace genesis
