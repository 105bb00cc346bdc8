// Peer credentials of unix sockets: SO_PEERCRED and SO_PEERGROUPS (unix(7), socket(7)).
#include "reconciler/api/auth/identity.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace genesis {

std::optional<Peer> peer_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        credentials.uid == static_cast<uid_t>(-1))
        return std::nullopt;
    Peer peer{credentials.uid, credentials.gid, {}, credentials.pid};
    socklen_t bytes = 0;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && errno != ERANGE) return peer;
    peer.groups.resize(bytes / sizeof(std::uint32_t));
    if (bytes > 0 && ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) != 0)
        peer.groups.clear();
    return peer;
}

bool Identity::allows(std::string_view scope) const {
    return std::any_of(scopes.begin(), scopes.end(), [&](auto const& s) { return s == scope || s == "admin"; });
}

void throw_exception_from_error(Answer const& answer, boost::source_location const&) {
    throw std::runtime_error("refused with " + std::to_string(answer.status));
}

boost::system::result<Identity, Answer> PeerCredentials::authenticate(Request const&,
                                                                      Connection const& connection) const {
    auto const& peer = connection.peer;
    if (!peer) return problem(401, "unauthenticated", "the kernel does not know the peer of this connection");
    auto const in_group = [&] {
        if (!admin_gid_) return false;
        auto const& groups = peer->groups;
        return peer->gid == *admin_gid_ || std::find(groups.begin(), groups.end(), *admin_gid_) != groups.end();
    };
    if (peer->uid != 0 && !in_group())
        return problem(403, "forbidden", "only root and the administrators' group may use this socket");
    Identity out{"uid " + std::to_string(peer->uid)};
    out.local = true;
    return out;
}

boost::system::result<Identity, Answer> ProbesOnly::authenticate(Request const& request, Connection const&) const {
    auto const& target = request.target;
    bool const probe = target == "/healthz" || target == "/readyz" || target == "/metrics" || target == "/openapi.json";
    if (request.method != "GET" || !probe) return problem(404, "not_found", "this address serves only probes");
    return Identity{"probe", {"read"}};
}

}  // namespace genesis
