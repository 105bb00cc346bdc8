// Three kinds of TCP listeners: encrypted and signed, plain and signed on loopback, and probes.
#include "reconciler/app/listeners.hpp"

#include "drivers/host/sockets.hpp"

namespace genesis {

Listeners::Listeners(Config const& config, ApiServer& server, Authenticators authenticators,
                     ApiCertificate const& certificate, ListenerStatus& listening, Log& log)
    : server_(server), certificate_(certificate), listening_(listening), log_(log) {
    for (auto const& a : config.listen) wanted_.push_back({"https", a.str(), &authenticators.signed_requests});
    for (auto const& a : config.listen_plain) wanted_.push_back({"http", a.str(), &authenticators.signed_requests});
    for (auto const& a : config.probes)
        wanted_.push_back({"probes", a.str(), &authenticators.probes, {128, 32, 1 << 20}});
}

bool Listeners::open(Wanted const& wanted) {
    auto const address = (wanted.scheme == "probes" ? "http" : wanted.scheme) + "://" + wanted.address;
    try {
        bool const encrypted = wanted.scheme == "https";
        if (encrypted && certificate_.current() == nullptr) throw Fault("no certificate: " + certificate_.why());
        auto const where = host::TcpAddress::parse(wanted.address);
        if (!where) throw Fault("this is no address");
        auto socket = host::listen_tcp(*where);
        auto const* const tls = encrypted ? certificate_.current() : nullptr;
        server_.serve({socket.release(), wanted.who, tls, address, wanted.most});
        listening_.opened(address);
        log_.write(Level::info, "listening", {{"at", address}, {"for", wanted.scheme}});
        return true;
    } catch (Fault const& e) {
        if (listening_.failed(address, e.what()))
            log_.write(Level::error, "cannot listen; trying again", {{"at", address}, {"why", e.what()}});
        return false;
    }
}

void Listeners::open() {
    std::erase_if(wanted_, [this](Wanted const& wanted) { return open(wanted); });
}

}  // namespace genesis
