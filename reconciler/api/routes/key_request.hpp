// The bodies of requests for a new key and for a rotation.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/api/auth/network.hpp"
#include "resources/schema/codec.hpp"

#include <array>
#include <optional>

namespace genesis {

// What a key may do. Writing does not include reading; admin includes all.
enum class KeyScope { read, account_write, vps_write, admin };
template <>
struct EnumNames<KeyScope> {
    static constexpr std::array<std::pair<KeyScope, std::string_view>, 4> names{
        {{KeyScope::read, "read"},
         {KeyScope::account_write, "account:write"},
         {KeyScope::vps_write, "vps:write"},
         {KeyScope::admin, "admin"}}};
};

// "2027-01-15" (its first second) or "2027-01-15T08:00:00Z"; nothing for a date or time that does not exist.
std::optional<Time> instant_of(std::string_view text);
inline bool is_instant(std::string_view text) { return instant_of(text).has_value(); }

namespace rules {
inline constexpr TextRule network{
    .name = "network",
    .says = "an IPv4 or IPv6 network in CIDR notation as it is printed, no bit set beyond its prefix (RFC 4632)",
    .pattern = "[0-9a-f.:]+/[0-9]{1,3}",
    .max = 43,
    .also = is_network,
};
inline constexpr TextRule instant{
    .name = "instant",
    .says = "a day (2027-01-15) or a second in UTC (2027-01-15T08:00:00Z)",
    .pattern = "[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?",
    .min = 10,
    .max = 20,
    .also = is_instant,
};
}  // namespace rules
using Network = Text<rules::network>;
using Instant = Text<rules::instant>;

struct KeyRequest {
    std::vector<KeyScope> scopes;
    std::vector<Network> cidrs;
    Line comment;
    std::optional<Instant> not_before, expires;
};
template <>
struct Describe<KeyRequest> {
    static constexpr std::string_view kind = "key_request", doc = "A new key.";
    static constexpr auto fields = std::tuple{
        field("scopes", &KeyRequest::scopes, "Its scopes; at least one.", Attribute::required, {.most = 4}),
        field("cidrs", &KeyRequest::cidrs, "Networks it may be used from; empty: anywhere.", Attribute::none, {.most = 64}),
        field("comment", &KeyRequest::comment, "Who has the key, for operators."),
        field("not_before", &KeyRequest::not_before, "When it becomes valid; at once by default."),
        field("expires", &KeyRequest::expires, "When it expires; never by default."),
    };
};

struct KeyRotation {
    std::int64_t overlap_seconds = 86400;
};
template <>
struct Describe<KeyRotation> {
    static constexpr std::string_view kind = "key_rotation", doc = "A new secret under the same key id.";
    static constexpr auto fields = std::tuple{
        field("overlap_seconds", &KeyRotation::overlap_seconds, "Seconds for which the former secret stays valid.",
              Attribute::none, {.min = 0, .max = std::int64_t{30} * 86400}),
    };
};

}  // namespace genesis
