// Asks the system which names are taken and which PHP it has.
#include "reconciler/app/reserved.hpp"

#include "drivers/host/names.hpp"
#include "drivers/php_fpm/driver.hpp"

#include <algorithm>
#include <array>

namespace genesis {
namespace {

// Names of programs and protocols that are no user yet, but that people and software trust.
constexpr std::array<std::string_view, 16> trusted{
    "admin",    "administrator", "root",    "genesis", "postmaster", "webmaster", "hostmaster", "abuse",
    "security", "mysql",         "mariadb", "redis",   "apache",     "nobody",    "support",    "sudo"};

bool beneath(std::string_view name, std::string_view parent) {
    return name == parent ||
           (name.size() > parent.size() && name.ends_with(parent) && name[name.size() - parent.size() - 1] == '.');
}

bool covers(std::string_view pattern, std::string_view name) {
    if (!pattern.starts_with("*.")) return name == pattern;
    return name.size() > pattern.size() - 1 && name.ends_with(pattern.substr(1));
}

}  // namespace

ServerReserved::ServerReserved(std::vector<std::string> reserved_domains) : domains_(std::move(reserved_domains)) {
    for (auto const& own : {host::host_name(), host::full_host_name()})
        if (!own.empty()) domains_.push_back(own);
}

std::optional<std::string> ServerReserved::user_name(std::string const& name) const {
    if (host::user_id(name)) return "is a user of this system already";
    if (host::group_id(name)) return "is a group of this system already";
    if (std::find(trusted.begin(), trusted.end(), name) != trusted.end()) return "is reserved";
    return std::nullopt;
}

std::optional<std::string> ServerReserved::domain(std::string const& name) const {
    auto const bare = name.starts_with("*.") ? std::string_view(name).substr(2) : std::string_view(name);
    for (auto parent : {"localhost", "arpa", "localdomain", "invalid", "onion"})
        if (beneath(bare, parent)) return "is reserved (RFC 6761)";
    for (auto const& own : domains_)
        if (covers(own, name) || covers(name, own) || own == bare)
            return "is this server's own or reserved by its operator";
    if (public_suffixes_.has(name)) return "is a public suffix, beneath which anybody may have names";
    return std::nullopt;
}

std::vector<std::string> ServerReserved::php_versions() const {
    return installed_php(PhpFpmSettings{}.program_dir.str());
}

}  // namespace genesis
