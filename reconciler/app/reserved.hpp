// The names this server keeps for itself, and the software it has for sites.
#pragma once
#include "reconciler/app/public_suffixes.hpp"
#include "reconciler/store/admission.hpp"

#include <string>
#include <vector>

namespace genesis {

// User and group names the system has, this server's own host names, localhost, *.arpa, public suffixes and what the
// operator reserved.
class ServerReserved : public Reserved {
public:
    explicit ServerReserved(std::vector<std::string> reserved_domains);
    [[nodiscard]] std::optional<std::string> user_name(std::string const& name) const override;
    [[nodiscard]] std::optional<std::string> domain(std::string const& name) const override;
    [[nodiscard]] std::vector<std::string> php_versions() const override;

private:
    std::vector<std::string> domains_;  // "x" or "*.x"
    PublicSuffixes const public_suffixes_;
};

}  // namespace genesis
