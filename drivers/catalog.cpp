// Every driver, one line each.
#include "drivers/catalog.hpp"

#include "drivers/apache/driver.hpp"
#include "drivers/mariadb/driver.hpp"
#include "drivers/php_fpm/driver.hpp"
#include "drivers/systemd/driver.hpp"
#include "drivers/tls/driver.hpp"
#include "drivers/unix/driver.hpp"

namespace genesis {

std::vector<std::unique_ptr<AnyDriver>> all_drivers(DriverSettings const& settings) {
    mariadb::Settings mariadb;
    mariadb.socket = settings.mariadb_socket;
    ApacheSettings apache;
    apache.state_dir = settings.state_dir + "/apache";
    apache.httpd.canary_port = settings.apache_canary_port;

    std::vector<std::unique_ptr<AnyDriver>> out;
    out.push_back(bind("unix", UnixDriver()));
    out.push_back(bind("systemd", SystemdDriver()));
    out.push_back(bind("tls", TlsDriver()));
    out.push_back(bind("mariadb", MariadbDriver(mariadb)));
    out.push_back(bind("php_fpm", PhpFpmDriver()));
    out.push_back(bind("apache", ApacheDriver(apache)));
    return out;
}

}  // namespace genesis
