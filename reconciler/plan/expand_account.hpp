// The records of an account, and its life.
#pragma once
#include "reconciler/plan/expand.hpp"

namespace genesis {

Expansion expand_account(View const& view);
bool account_suspended(json::object const& spec);
std::chrono::seconds account_grace(View const& view);  // as its package says

}  // namespace genesis
