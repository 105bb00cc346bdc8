// Who sends a request, asked in one place before anything else is done with it.
#pragma once
#include "reconciler/api/auth/signing.hpp"
#include "reconciler/api/message.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace genesis {

// What the kernel says of the process at the other end of a unix socket, from when it connected.
struct Peer {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups;
    std::int32_t pid = 0;
};
// Nothing when the socket is not a unix socket or the kernel does not say.
std::optional<Peer> peer_of(int socket);

// Where a request comes from.
struct Connection {
    std::optional<Peer> peer;    // of a unix socket
    std::string from = "local";  // the address of a TCP connection: "192.0.2.7", "2001:db8::7"
};

struct Identity {
    std::string who;                           // "uid 0", "key billing"
    std::vector<std::string> scopes{"admin"};  // "read", "account:write", "vps:write"; "admin" is all of them
    std::optional<Nonce> nonce{};              // of a signed request: to be spent before it has an effect
    std::optional<ReplyKey> reply{};
    std::optional<Time> until{};  // when the key ends; nothing: it is not known to
    bool local = false;           // on this server: known by the kernel, not by a key
    [[nodiscard]] bool may(std::string_view scope) const;
};

// Request → identity, or the answer that refuses it. Sees the request as it was received: method, target, headers
// and body bytes, whatever the method and whether or not the path exists.
struct Authenticator {
    virtual ~Authenticator() = default;
    [[nodiscard]] virtual boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                               Connection const& connection) const = 0;
    // Whether it asks another process, and so is not to be called where others wait behind it.
    [[nodiscard]] virtual bool blocks() const { return false; }
};
[[noreturn]] void throw_exception_from_error(Answer const&, boost::source_location const&);

// Root, and members of one group. No request header has a say.
class PeerCredentials final : public Authenticator {
public:
    explicit PeerCredentials(std::optional<std::uint32_t> admin_gid) : admin_gid_(admin_gid) {}
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       Connection const& connection) const override;

private:
    std::optional<std::uint32_t> admin_gid_;
};

// Anybody, but only GET of /healthz, /readyz, /metrics and /openapi.json; 404 for everything else.
class ProbesOnly final : public Authenticator {
public:
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       Connection const& connection) const override;
};

}  // namespace genesis
