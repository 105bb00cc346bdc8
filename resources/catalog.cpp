// Every kind people write, one entry each.
#include "resources/catalog.hpp"

#include "resources/account/account.hpp"
#include "resources/package/package.hpp"

#include <array>

namespace genesis {

std::span<ObjectKind const> object_kinds() {
    static std::array const kinds{
        ObjectKind{.schema = &schema_of<Account>(),
                   .plural = "accounts",
                   .scope = "account:write",
                   .check = check_account,
                   .choose = choose_php_versions,
                   .check_referred = check_account_package,
                   .claims = claims_of_account},
        ObjectKind{.schema = &schema_of<Package>(),
                   .plural = "packages",
                   .scope = "admin",
                   .check_dependents = check_package_accounts},
    };
    return kinds;
}

}  // namespace genesis
