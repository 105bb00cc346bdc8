// /etc/genesis/genesis.yaml: described like everything else people write, so it is read as strictly.
#pragma once
#include "drivers/catalog.hpp"
#include "reconciler/webhooks/receiver.hpp"
#include "resources/schema/codec.hpp"
#include "resources/schema/document.hpp"

#include <array>

namespace genesis {

enum class LogLevel { debug, info, warning, error };
template <>
struct EnumNames<LogLevel> {
    static constexpr std::array names{std::pair{LogLevel::debug, std::string_view("debug")},
                                      std::pair{LogLevel::info, std::string_view("info")},
                                      std::pair{LogLevel::warning, std::string_view("warning")},
                                      std::pair{LogLevel::error, std::string_view("error")}};
};

bool is_tcp_address(std::string_view text);
bool is_loopback_address(std::string_view text);
namespace rules {
inline constexpr TextRule tcp_address{
    .name = "address and port",
    .says = "an IPv4 address, or an IPv6 address in brackets, then a colon and a port from 1024 to 65535",
    .pattern = "(?:[0-9.]+|\\[[0-9a-fA-F:.]+\\]):[1-9][0-9]{3,4}",
    .max = 54,
    .also = is_tcp_address,
};
inline constexpr TextRule loopback_address{
    .name = "loopback address and port",
    .says = "an address of 127.0.0.0/8 or [::1], then a colon and a port from 1024 to 65535",
    .pattern = "(?:[0-9.]+|\\[[0-9a-fA-F:.]+\\]):[1-9][0-9]{3,4}",
    .max = 54,
    .also = is_loopback_address,
};
}  // namespace rules
using ListenAddress = Text<rules::tcp_address>;
using LoopbackAddress = Text<rules::loopback_address>;

bool is_redis_address(std::string_view text);
namespace rules {
inline constexpr TextRule redis_address{
    .name = "address of a Redis on this server",
    .says = "the path of a unix socket, or an address of 127.0.0.0/8 or [::1], a colon and a port from 1024 to 65535",
    .pattern = "/[A-Za-z0-9._/-]+|(?:[0-9.]+|\\[[0-9a-fA-F:.]+\\]):[1-9][0-9]{3,4}",
    .max = 107,  // sun_path, unix(7)
    .also = is_redis_address,
};
}  // namespace rules

struct CacheConfig {
    Text<rules::redis_address> redis;
    std::int64_t database = 0;
    std::optional<AbsolutePath> password_file;
};
template <>
struct Describe<CacheConfig> {
    static constexpr std::string_view kind = "cache", doc = "A Redis that several API processes share.";
    static constexpr auto fields = std::tuple{
        field("redis", &CacheConfig::redis,
              "Where it listens: the path of a unix socket, or a loopback address and port. The connection is not "
              "encrypted.",
              Attribute::required),
        field("database", &CacheConfig::database, "The number of its database.", Attribute::none,
              {.min = 0, .max = 1000}),
        field("password_file", &CacheConfig::password_file,
              "File with its password on one line, readable by root only. Empty: it has none."),
    };
};

struct Config : DriverSettings {
    std::string node;
    AbsolutePath state_dir{"/var/lib/genesis"}, spec_dir{"/etc/genesis/specs"}, socket{"/run/genesis/genesis.sock"};
    std::int64_t resync = 300, max_removals = 20;
    LogLevel log_level = LogLevel::info;
    std::string web_group = "www-data", log_group = "adm", admin_group = "genesis";
    std::vector<DomainPattern> reserved_domains;
    bool names_beneath_others = false;
    std::vector<Receiver> webhooks;
    std::vector<ListenAddress> listen{ListenAddress("0.0.0.0:8443")};
    std::vector<LoopbackAddress> listen_plain;
    std::vector<ListenAddress> probes{ListenAddress("127.0.0.1:8444")};
    std::optional<AbsolutePath> certificate, key;
    std::int64_t requests_per_second = 0, burst = 1000;
    std::optional<CacheConfig> cache;
};
template <>
struct Describe<Config> {
    static constexpr std::string_view kind = "genesis.yaml",
                                      doc = "Configuration of genesisd; restart it after a change.";
    static constexpr auto own = std::tuple{
        field("node", &Config::node, "This server's name, part of what callers sign. Empty: the host name."),
        field("state_dir", &Config::state_dir, "Specs, sealed secrets and history."),
        field("spec_dir", &Config::spec_dir, "Spec files here are applied as soon as they are saved."),
        field("socket", &Config::socket, "Unix socket of the daemon for genesisctl; root and admin_group have access."),
        field("resync", &Config::resync, "Seconds between full passes, whether or not anything changed.",
              Attribute::none, {.min = 5, .max = 86400}),
        field(
            "max_removals", &Config::max_removals,
            "A plan that would remove more objects than this waits for a confirmation; of more that no spec file names "
            "any more none is removed until an operator takes them over.",
            Attribute::none, {.min = 0, .max = 1000000}),
        field("log_level", &Config::log_level, "Lowest level that is logged."),
        field("web_group", &Config::web_group,
              "The group of Apache's workers; only it may pass through a tenant's home."),
        field("log_group", &Config::log_group, "The group that may read /var/log/genesis."),
        field("admin_group", &Config::admin_group, "The group that may use the socket beside root."),
        field("reserved_domains", &Config::reserved_domains,
              "Names no account may have, beside this server's own, localhost and *.arpa."),
        field(
            "names_beneath_others", &Config::names_beneath_others,
            "Whether an account may have a new name beneath one of another account, as shop.acme.example is beneath "
            "acme.example. What an account has it keeps, and a name beneath never keeps another from the name above."),
        field("webhooks", &Config::webhooks,
              "Webhook receivers of events: a list of {name, url, kid, key_file, audience, ca_file, events, kinds}.",
              Attribute::none, {.most = 50}),
        field("listen", &Config::listen,
              "Addresses of the API over HTTPS, for requests signed with a key (genesisctl keys). An address that "
              "is in "
              "use is retried and affects nothing else.",
              Attribute::none, {.most = 16}),
        field("listen_plain", &Config::listen_plain,
              "Addresses of the API without encryption, for a proxy on this server; requests are signed too.",
              Attribute::none, {.most = 16}),
        field("probes", &Config::probes,
              "Addresses of /healthz, /readyz, /metrics and /openapi.json, without encryption or authentication.",
              Attribute::none, {.most = 16}),
        field("certificate", &Config::certificate,
              "Certificate for HTTPS with its chain, PEM; read again when it changes. Empty: a self-signed one, "
              "api-certificate.pem in state_dir."),
        field("key", &Config::key, "The private key of the certificate, PEM without a passphrase."),
        field("requests_per_second", &Config::requests_per_second, "Rate limit of each key; 0: none.", Attribute::none,
              {.min = 0, .max = 1000000}),
        field("burst", &Config::burst, "Burst that a key may use beyond the rate limit.", Attribute::none,
              {.min = 1, .max = 1000000}),
        field("cache", &Config::cache,
              "A Redis on this server, as {redis: /run/redis/redis.sock} or {redis: \"127.0.0.1:6379\", database: 0, "
              "password_file: /etc/genesis/redis.password}. It keeps rate limits across restarts and processes, and "
              "caches lists. Without it, or while it is unreachable, they are in memory. Nothing else may use it."),
    };
    static constexpr auto fields = std::tuple_cat(own, driver_fields<Config>());
};

// Reads a configuration text. Unknown keys and wrong values are problems like those of a spec.
Checked<Config> read_config(std::string_view yaml);
// Every key with its default and meaning, as a YAML file to start from.
std::string print_config();

}  // namespace genesis
