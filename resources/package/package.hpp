// A package: a hoster's offer, whose limits reach every account that names it.
#pragma once
#include "resources/account/account.hpp"

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
        field("limits", &Package::limits, "What an account may use unless it says otherwise itself."),
        field("grace_days", &Package::grace_days, "How long a deleted account's data stays.", Attribute::none,
              {.min = 0, .max = 365}),
        field("show_suspend_reason", &Package::show_suspend_reason, "The suspended page shows the reason."),
    };
};

}  // namespace genesis
