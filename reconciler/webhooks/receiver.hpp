// The configuration of a webhook receiver: its URL, its key, and which events it gets.
#pragma once
#include "resources/schema/codec.hpp"

#include <string>
#include <vector>

namespace genesis {

namespace rules {
inline constexpr TextRule webhook_url{
    .name = "webhook URL",
    .says = "https://, or http:// to a loopback address, then a host, a path and a query in plain ASCII",
    .pattern =
        "(?:https://(?:[a-z0-9.-]+|\\[[0-9a-f:.]+\\])|http://(?:localhost|127\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|"
        "\\[::1\\]))(?::[0-9]{1,5})?/[A-Za-z0-9._~/-]*(?:\\?[A-Za-z0-9._~/&=:-]*)?",
    .min = 9,
    .max = 1024,
};
inline constexpr TextRule key_id{
    .name = "key id",
    .says = "4 to 32 lower-case letters, digits and hyphens",
    .pattern = "[a-z0-9-]{4,32}",
    .min = 4,
    .max = 32,
};
inline constexpr TextRule event_type{
    .name = "event type",
    .says = "what happened, such as object.ready",
    .pattern = "[a-z_]+\\.[a-z_]+",
    .max = 64,
};
}  // namespace rules

struct Receiver {
    ObjectName name;
    Text<rules::webhook_url> url;
    Text<rules::key_id> kid;
    AbsolutePath key_file;
    Line audience;
    std::optional<AbsolutePath> ca_file;
    std::vector<Text<rules::event_type>> events;
    std::vector<ObjectName> kinds;
};
template <>
struct Describe<Receiver> {
    static constexpr std::string_view kind = "webhook", doc = "One receiver of signed events.";
    static constexpr auto fields = std::tuple{
        field("name", &Receiver::name, "Its name in logs and metrics; its cursor is stored under it.", Attribute::key),
        field("url", &Receiver::url, "Where each event is POSTed; https, or http to this server itself.",
              Attribute::required),
        field("kid", &Receiver::kid, "The id of the signing key.", Attribute::required),
        field("key_file", &Receiver::key_file,
              "Contains the key as 64 hex characters; readable by root only. Read for each event.", Attribute::required),
        field("audience", &Receiver::audience, "The signed audience: the one the receiver expects.", Attribute::required),
        field("ca_file", &Receiver::ca_file, "Certificates to trust instead of those of the system."),
        field("events", &Receiver::events, "Only these types, such as object.ready; empty: all.", Attribute::none,
              {.most = 50}),
        field("kinds", &Receiver::kinds, "Only of these kinds of object, such as account; empty: all.", Attribute::none,
              {.most = 50}),
    };
};

// The parts of a webhook_url.
struct Endpoint {
    bool tls = true;
    std::string host;       // without brackets
    std::string port;       // as a number
    std::string target;     // path and query as they are sent and signed
    std::string authority;  // as the Host header has it
};
Endpoint endpoint_of(std::string_view url);

}  // namespace genesis
