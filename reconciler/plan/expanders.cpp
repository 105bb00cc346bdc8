// Every expander, one line each.
#include "reconciler/plan/expand.hpp"
#include "reconciler/plan/expand_account.hpp"

#include <algorithm>
#include <array>

namespace genesis {

std::span<Expander const> expanders() {
    static constexpr std::array list{
        Expander{"account", expand_account, account_suspended, account_grace},
    };
    return list;
}

Expander const* find_expander(std::span<Expander const> among, std::string_view kind) {
    auto const it = std::find_if(among.begin(), among.end(), [&](auto const& e) { return e.kind == kind; });
    return it == among.end() ? nullptr : &*it;
}

}  // namespace genesis
