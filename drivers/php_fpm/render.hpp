// The three files of a PHP service as text, and the record back from any of them.
#pragma once
#include "drivers/php_fpm/kinds.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace genesis {

struct PhpSettings {
    std::string config_dir = "/etc/genesis/php";  // <name>/pools.conf
    std::string unit_dir = "/etc/systemd/system";
    std::string run_dir = "/run/genesis/php";
    std::string stamp_dir = "/var/lib/genesis/php";  // which configuration each service was last given
    std::string program_dir = "/usr/sbin";           // php-fpm<version>
    std::string web_group = "www-data";              // who may connect to the sockets
};

inline constexpr std::string_view php_config_file = "pools.conf";

struct PhpFiles {
    std::string config, service, socket;
};

// What systemd and the FPM master have to know of the files: their bytes without the first line.
struct PhpDigests {
    std::string config, service, socket;
    bool operator==(PhpDigests const&) const = default;
};
PhpDigests digests_of(PhpFiles const& files);
// As a stamp keeps them; what is no stamp reads as none.
std::string write_digests(PhpDigests const& digests);
PhpDigests read_digests(std::string_view stamp);
// The stamp of 0.1.0, over everything.
std::string legacy_stamp(PhpFiles const& files);

// Each begins with a comment line that holds the record, in the units without the pools' settings: a unit's file
// changes only when systemd must know. Equal records give equal bytes.
// Precondition: at least one pool (FPM does not start without).
PhpFiles render_php(PhpService const& record, PhpSettings const& settings);
// Nothing when the first line is not one of ours.
std::optional<PhpService> read_php_service(std::string_view bytes);

}  // namespace genesis
