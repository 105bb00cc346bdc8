// How a rule of a kind goes through the objects that refer to one of that kind.
#pragma once
#include "resources/schema/schema.hpp"

#include <functional>

namespace genesis {

// Calls its argument with each, by kind and name, those that are about to go left out; their secrets may be sealed.
using EachDependent = std::function<void(std::function<void(Ref const&, json::object const&)> const&)>;

}  // namespace genesis
