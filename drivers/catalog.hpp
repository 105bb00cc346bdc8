// The explicit list of drivers, one line each.
#pragma once
#include "drivers/driver.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace genesis {

// What of the configuration concerns drivers.
struct DriverSettings {
    std::string state_dir = "/var/lib/genesis";
    std::string mariadb_socket = "/run/mysqld/mysqld.sock";
    int apache_canary_port = 7081;
};
std::vector<std::unique_ptr<AnyDriver>> all_drivers(DriverSettings const& settings);

}  // namespace genesis
