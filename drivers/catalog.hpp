// The explicit list of drivers, one line each.
#pragma once
#include "drivers/apache/settings.hpp"
#include "drivers/driver.hpp"
#include "drivers/layout.hpp"
#include "drivers/mariadb/settings.hpp"
#include "drivers/php_fpm/settings.hpp"
#include "drivers/tls/settings.hpp"
#include "drivers/unix/settings.hpp"

#include <memory>
#include <vector>

namespace genesis {

// What an operator may say of each, in genesis.yaml under its name.
struct DriverSettings {
    UnixSettings unix_accounts;
    TlsSettings tls;
    MariadbSettings mariadb;
    PhpFpmSettings php_fpm;
    ApacheOptions apache;
};
// As fields of the configuration that derives from it.
template <class C>
constexpr auto driver_fields() {
    return std::tuple{
        Field<C, UnixSettings>{"unix", &C::unix_accounts, Describe<UnixSettings>::doc, Attribute::none, {}},
        Field<C, TlsSettings>{"tls", &C::tls, Describe<TlsSettings>::doc, Attribute::none, {}},
        Field<C, MariadbSettings>{"mariadb", &C::mariadb, Describe<MariadbSettings>::doc, Attribute::none, {}},
        Field<C, PhpFpmSettings>{"php_fpm", &C::php_fpm, Describe<PhpFpmSettings>::doc, Attribute::none, {}},
        Field<C, ApacheOptions>{"apache", &C::apache, Describe<ApacheOptions>::doc, Attribute::none, {}},
    };
}
std::vector<std::unique_ptr<AnyDriver>> all_drivers(NodeLayout const& layout = {}, DriverSettings const& settings = {});

}  // namespace genesis
