// Who sends a request, asked in one place before anything else is done with it.
#pragma once
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

struct Identity {
    std::string who;    // for the log: "uid 0"
    bool admin = true;  // the one right there is until keys bring scopes
};

// Request → identity, or the answer that refuses it. Sees the request as it was received: method, target, headers
// and body bytes, whatever the method and whether or not the path exists.
struct Authenticator {
    virtual ~Authenticator() = default;
    [[nodiscard]] virtual boost::system::result<Identity, Answer> authenticate(
        Request const& request, std::optional<Peer> const& peer) const = 0;
};
[[noreturn]] void throw_exception_from_error(Answer const&, boost::source_location const&);

// Root, and members of one group. No request header has a say.
class PeerCredentials final : public Authenticator {
public:
    explicit PeerCredentials(std::optional<std::uint32_t> admin_gid) : admin_gid_(admin_gid) {}
    [[nodiscard]] boost::system::result<Identity, Answer> authenticate(Request const& request,
                                                                       std::optional<Peer> const& peer) const override;

private:
    std::optional<std::uint32_t> admin_gid_;
};

}  // namespace genesis
