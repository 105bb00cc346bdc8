// A package: a hoster's offer, whose limits reach every account that names it.
#pragma once
#include "resources/account/account.hpp"
#include "resources/schema/dependent.hpp"

namespace genesis {

struct Package {
    ObjectName name;
    Limits limits;
    std::int64_t grace_days = 7;
    bool show_suspend_reason = false;
};
template <>
struct Describe<Package> {
    static constexpr std::string_view kind = "package",
                                      doc = "An offer: limits and habits of the accounts that name it.";
    static constexpr auto fields = std::tuple{
        field("name", &Package::name, "What accounts call it.", Attribute::key | Attribute::fixed),
        field("limits", &Package::limits,
              "What an account may use unless it says otherwise itself. Fewer sites or databases than one of its "
              "accounts has are refused: give that account limits of its own first, or take some away from it."),
        field("grace_days", &Package::grace_days, "How long a deleted account's data stays.", Attribute::none,
              {.min = 0, .max = 365}),
        field("show_suspend_reason", &Package::show_suspend_reason, "The suspended page shows the reason."),
    };
};

// Where fewer sites or databases are allowed than before: no account that names it may have more.
Problems check_package_accounts(json::object const& spec, json::object const* former, EachDependent const& each);

}  // namespace genesis
