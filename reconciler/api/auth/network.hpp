// Networks in CIDR notation (RFC 4632, RFC 4291): which addresses are of one.
#pragma once
#include <string>
#include <string_view>

namespace genesis {

// "192.0.2.0/24" or "2001:db8::/32" as they are printed, no bit set beyond the prefix; an IPv4 network in IPv6
// notation is none, since addresses are compared as what they stand for.
bool is_network(std::string_view text);
// Whether the address of a peer is of the network; one as ::ffff:192.0.2.7 counts as 192.0.2.7. False when either
// cannot be read.
bool in_network(std::string_view network, std::string const& address);

}  // namespace genesis
