// What a machine has of PHP-FPM: one socket-activated master for each account and version, running as the tenant.
#pragma once
#include "drivers/layout.hpp"
#include "resources/schema/codec.hpp"

namespace genesis {

// "<account>-<version>": the key of a PHP service.
inline std::string php_service_name(AccountName const& owner, PhpVersion const& version) {
    return owner.str() + "-" + version.str();
}
// The unit of a service; the suffix is ".service" or ".socket".
inline std::string php_unit(std::string_view name, std::string_view suffix) {
    return "genesis-php-" + std::string(name) + std::string(suffix);
}
// Where the pool of a site listens.
inline std::string php_socket(NodeLayout const& layout, AccountName const& owner, Domain const& site) {
    return layout.php_sockets() + "/" + owner.str() + "/" + site.str() + ".sock";
}

struct PhpPool {
    Domain site;
    std::int64_t max_children = 5;
    std::map<std::string, PhpValue> settings;
};
template <>
struct Describe<PhpPool> {
    static constexpr std::string_view kind = "php_pool", doc = "The workers of one site.";
    static constexpr auto fields = std::tuple{
        field("site", &PhpPool::site, "Pool name; its socket is /run/genesis/php/<account>/<site>.sock.",
              Attribute::key | Attribute::fixed),
        field("max_children", &PhpPool::max_children, "pm.max_children of an ondemand pool.", Attribute::none,
              {.min = 1, .max = 500}),
        field("settings", &PhpPool::settings, "php_admin_value entries.", Attribute::none, {.keys = &rules::php_setting}),
    };
};

struct PhpService {
    UnitName name;
    AccountName owner;
    PhpVersion version;
    AbsolutePath home;
    UnitName slice;
    AbsolutePath log_dir;
    std::vector<PhpPool> pools;
    std::string config = "intact", service_unit = "intact", socket_unit = "intact";
    bool enabled = true, listening = true;
};
template <>
struct Describe<PhpService> {
    static constexpr std::string_view kind = "php_service",
                                      doc = "A PHP-FPM master of one account and version, started by its sockets.";
    static constexpr auto fields = std::tuple{
        field("name", &PhpService::name, "<account>-<version>; the units are genesis-php-<name>.service and .socket.",
              Attribute::key | Attribute::fixed),
        field("owner", &PhpService::owner, "The user it runs as.", Attribute::required | Attribute::fixed,
              {.refers_to = "unix_user"}),
        field("version", &PhpService::version, "/usr/sbin/php-fpm<version>.", Attribute::required | Attribute::fixed),
        field("home", &PhpService::home, "The only home it can see.", Attribute::required, {.refers_to = "directory"}),
        field("slice", &PhpService::slice, "The slice that bounds it.", Attribute::required, {.refers_to = "slice"}),
        field("log_dir", &PhpService::log_dir, "Root's directory for php.log.", Attribute::required,
              {.refers_to = "directory"}),
        field("pools", &PhpService::pools, "One for each site."),
        field("config", &PhpService::config, "\"intact\", or what is wrong with the FPM configuration file."),
        field("service_unit", &PhpService::service_unit, "\"intact\", or what is wrong with the service unit's file."),
        field("socket_unit", &PhpService::socket_unit, "\"intact\", or what is wrong with the socket unit's file."),
        field("enabled", &PhpService::enabled, "The socket unit starts at boot."),
        field("listening", &PhpService::listening,
              "The socket unit is active now and the service has the configuration on disk."),
    };
};

}  // namespace genesis
