// Networks in CIDR notation (RFC 4632, RFC 4291), and which addresses they contain.
#pragma once
#include <string>
#include <string_view>

namespace genesis {

// "192.0.2.0/24" or "2001:db8::/32" as they are printed, no bit set beyond the prefix; an IPv4 network in IPv6
// notation is not one, since mapped addresses are compared as IPv4.
bool is_network(std::string_view text);
// Whether the network contains the address; ::ffff:192.0.2.7 counts as 192.0.2.7. False if either cannot be read.
bool in_network(std::string_view network, std::string const& address);

}  // namespace genesis
