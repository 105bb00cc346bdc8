// Three kinds of TCP listeners: HTTPS and signed, plain HTTP on loopback and signed, and probes.
#include "reconciler/app/listeners.hpp"

#include "drivers/host/sockets.hpp"

namespace genesis {

Listeners::Listeners(Config const& config, ApiServer& server, Authenticators authenticators,
                     ApiCertificate const& certificate, ListenerStatus& status, Log& log)
    : server_(server), certificate_(certificate), status_(status), log_(log) {
    for (auto const& a : config.listen) unopened_.push_back({"https", a.str(), &authenticators.signed_requests});
    for (auto const& a : config.listen_plain) unopened_.push_back({"http", a.str(), &authenticators.signed_requests});
    for (auto const& a : config.probes)
        unopened_.push_back({"probes", a.str(), &authenticators.probes, {128, 32, 1 << 20}});
}

bool Listeners::open(Address const& wanted) {
    auto const address = (wanted.scheme == "probes" ? "http" : wanted.scheme) + "://" + wanted.address;
    try {
        bool const encrypted = wanted.scheme == "https";
        if (encrypted && certificate_.current() == nullptr) throw Fault("no certificate: " + certificate_.why());
        auto const where = host::TcpAddress::parse(wanted.address);
        if (!where) throw Fault("this is not an address");
        auto socket = host::listen_tcp(*where);
        auto const* const tls = encrypted ? certificate_.current() : nullptr;
        server_.serve({socket.release(), wanted.authenticator, tls, address, wanted.most});
        status_.opened(address);
        log_.write(Level::info, "listening", {{"at", address}, {"for", wanted.scheme}});
        return true;
    } catch (Fault const& e) {
        if (status_.failed(address, e.what()))
            log_.write(Level::error, "cannot listen; will retry", {{"at", address}, {"why", e.what()}});
        return false;
    }
}

bool Listeners::open() {
    std::erase_if(unopened_, [this](Address const& wanted) { return open(wanted); });
    return unopened_.empty();
}

}  // namespace genesis
