// Opens the places where requests come in, as the configuration says, and tries again where one cannot be opened.
#pragma once
#include "reconciler/api/http/server.hpp"
#include "reconciler/api/listener_status.hpp"
#include "reconciler/app/certificate.hpp"
#include "reconciler/app/config.hpp"

#include <vector>

namespace genesis {

class Doors {
public:
    struct Keepers {
        Authenticator const& signed_requests;
        Authenticator const& probes;
    };
    // All that is given outlives this.
    Doors(Config const& config, ApiServer& server, Keepers keepers, ApiCertificate const& certificate,
          Listening& listening, Log& log);

    // Opens what is not open yet; call it again now and then. An address that is taken is logged once, stands in
    // /readyz and does not keep the daemon from its other work.
    void open();

private:
    struct Wanted {
        std::string scheme, address;  // "https", "0.0.0.0:8443"
        Authenticator const* who;
        Roster::Limits most{};
    };
    bool open(Wanted const& wanted);
    ApiServer& server_;
    ApiCertificate const& certificate_;
    Listening& listening_;
    Log& log_;
    std::vector<Wanted> wanted_;
};

}  // namespace genesis
