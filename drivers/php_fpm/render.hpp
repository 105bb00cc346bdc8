// The three files of a PHP service as text, and the record back from any of them.
#pragma once
#include "drivers/php_fpm/kinds.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace genesis {

struct PhpSettings {
    std::string config_dir = "/etc/genesis/php";
    std::string unit_dir = "/etc/systemd/system";
    std::string run_dir = "/run/genesis/php";
    std::string stamp_dir = "/var/lib/genesis/php";  // which configuration each service was last given
    std::string program_dir = "/usr/sbin";           // php-fpm<version>
    std::string web_group = "www-data";              // who may connect to the sockets
};

struct PhpFiles {
    std::string config, service, socket;
};

// Each begins with a comment line that holds the record; equal records give equal bytes.
// Precondition: at least one pool (FPM does not start without).
PhpFiles render_php(PhpService const& record, PhpSettings const& settings);
// Nothing when the first line is not one of ours.
std::optional<PhpService> read_php_service(std::string_view bytes);

inline std::string php_unit(std::string_view name, std::string_view suffix) {
    return "genesis-php-" + std::string(name) + std::string(suffix);
}
std::string php_socket(PhpSettings const& settings, PhpService const& record, PhpPool const& pool);

}  // namespace genesis
