// Who sends a request: the identity, and the authenticators that find it.
#pragma once
#include "reconciler/api/auth/signing.hpp"
#include "reconciler/api/message.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace genesis {

// The process at the other end of a unix socket, as the kernel recorded it when it connected.
struct Peer {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups;
    std::int32_t pid = 0;
};
// Nothing if it is not a unix socket or the kernel does not know.
std::optional<Peer> peer_of(int socket);

// Where a request comes from.
struct Connection {
    std::optional<Peer> peer;    // of a unix socket
    std::string from = "local";  // the address of a TCP connection: "192.0.2.7", "2001:db8::7"
};

struct Identity {
    std::string who;                           // "uid 0", "key billing"
    std::vector<std::string> scopes{"admin"};  // "read", "account:write", "vps:write"; "admin" is all of them
    std::optional<Nonce> nonce{};              // of a signed request: to be consumed before it has an effect
    std::optional<ReplyKey> reply{};
    std::optional<Time> until{};  // when the key expires, if it does
    bool local = false;           // authenticated by the kernel, not by a key
    [[nodiscard]] bool allows(std::string_view scope) const;
};

// Returns the identity or the answer that refuses the request. Sees the request as it was received, whether or not
// its path exists.
struct Authenticator {
    virtual ~Authenticator() = default;
    [[nodiscard]] virtual boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                               Connection const& connection) const = 0;
    // Whether it asks another process, and so must not run on a shared executor.
    [[nodiscard]] virtual bool blocks() const { return false; }
};
[[noreturn]] void throw_exception_from_error(Answer const&, boost::source_location const&);

// Root and the members of one group, by peer credentials. Headers do not matter.
class PeerCredentials final : public Authenticator {
public:
    explicit PeerCredentials(std::optional<std::uint32_t> admin_gid) : admin_gid_(admin_gid) {}
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       Connection const& connection) const override;

private:
    std::optional<std::uint32_t> admin_gid_;
};

// Everybody, but only for GET of /healthz, /readyz, /metrics and /openapi.json; 404 for everything else.
class ProbesOnly final : public Authenticator {
public:
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       Connection const& connection) const override;
};

}  // namespace genesis
