// Names this machine already uses: users, groups, its own host name.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace genesis::host {

std::optional<std::uint32_t> user_id(std::string const& name);  // nothing when there is no such user
bool has_user(std::uint32_t uid);                               // whether a user has this number
std::optional<std::uint32_t> group_id(std::string const& name);
std::string host_name();       // gethostname(2), lower case
std::string full_host_name();  // /etc/hostname or the resolver's canonical name without asking the network; lower case

}  // namespace genesis::host
