// Every driver, one line each.
#include "drivers/catalog.hpp"

#include "drivers/apache/driver.hpp"
#include "drivers/cron/driver.hpp"
#include "drivers/mariadb/driver.hpp"
#include "drivers/php_fpm/driver.hpp"
#include "drivers/systemd/driver.hpp"
#include "drivers/tls/driver.hpp"
#include "drivers/unix/driver.hpp"

namespace genesis {

namespace {

ApacheSettings apache_settings(NodeLayout const& layout, ApacheOptions const& options) {
    ApacheSettings out;
    out.root = layout.config + "/apache";
    out.tls_root = layout.certificates();
    out.state_dir = layout.state + "/apache";
    out.reload_longest = std::chrono::seconds(options.reload_seconds);
    return out;
}

}  // namespace

std::vector<std::unique_ptr<AnyDriver>> all_drivers(NodeLayout const& layout, DriverSettings const& settings) {
    auto const pairs = std::make_shared<host::PairReader>();
    std::vector<std::unique_ptr<AnyDriver>> out;
    out.push_back(bind("unix", UnixDriver(layout, settings.unix_accounts)));
    out.push_back(bind("systemd", SystemdDriver(layout)));
    out.push_back(bind("cron", CronDriver()));
    out.push_back(bind("tls", TlsDriver(layout, settings.tls, pairs)));
    out.push_back(bind("mariadb", MariadbDriver({settings.mariadb.socket.str(), settings.mariadb.user})));
    out.push_back(bind("php_fpm", PhpFpmDriver(layout, settings.php_fpm)));
    out.push_back(bind("apache", ApacheDriver(apache_settings(layout, settings.apache), nullptr, pairs)));
    return out;
}

}  // namespace genesis
