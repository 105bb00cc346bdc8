// Every expander, one line each.
#include "reconciler/plan/expand.hpp"
#include "reconciler/plan/expand_account.hpp"

#include <array>

namespace genesis {

std::span<Expander const> expanders() {
    static constexpr std::array list{
        Expander{"account", expand_account, account_suspended, account_grace},
    };
    return list;
}

}  // namespace genesis
