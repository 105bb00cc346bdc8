// Where a server keeps what, the same for all its accounts: read by the expanders and by the drivers.
#pragma once
#include <cstdint>
#include <string>

namespace genesis {

struct NodeLayout {
    std::string homes = "/home", logs = "/var/log/genesis", run = "/run/genesis";
    std::string config = "/etc/genesis", state = "/var/lib/genesis";
    std::string units = "/etc/systemd/system";  // of systemd
    std::string passwd = "/etc";                // of passwd(5), group(5) and shadow(5)
    // Apache's workers: they may pass through a home and connect to PHP's sockets, nobody else may.
    std::string web_group = "www-data";
    std::int64_t web_gid = 33;
    std::int64_t log_gid = 4;  // the group that reads logs

    [[nodiscard]] std::string php_sockets() const { return run + "/php"; }
    [[nodiscard]] std::string php_configs() const { return config + "/php"; }
    [[nodiscard]] std::string php_stamps() const { return state + "/php"; }
    [[nodiscard]] std::string certificates() const { return config + "/tls"; }
};

}  // namespace genesis
