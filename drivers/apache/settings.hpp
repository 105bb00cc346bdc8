// What an operator may say of Apache.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

bool is_ip_address(std::string_view text);
namespace rules {
inline constexpr TextRule ip_address{
    .name = "IP address",
    .says = "an IPv4 address, or an IPv6 address in brackets",
    .pattern = "[0-9.]+|\\[[0-9a-fA-F:.]+\\]",
    .max = 48,
    .also = is_ip_address,
};
}  // namespace rules

struct ApacheOptions {
    Text<rules::ip_address> address{"127.0.0.1"};
    std::int64_t reload_seconds = 60;
};
template <>
struct Describe<ApacheOptions> {
    static constexpr std::string_view kind = "apache", doc = "Apache.";
    static constexpr auto fields = std::tuple{
        field("address", &ApacheOptions::address,
              "Where Apache is asked, on port 80, which configuration it runs: an address of this server that its "
              "Listen lines include."),
        field("reload_seconds", &ApacheOptions::reload_seconds,
              "How long a graceful restart may take to show; then it counts as failed and is tried again.",
              Attribute::none, {.min = 1, .max = 3600}),
    };
};

}  // namespace genesis
