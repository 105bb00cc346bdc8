// How a write that returns at once completes.
#pragma once
#include <exception>
#include <functional>

namespace genesis {

// Called once, when the write is durable or has failed: what was thrown (null: nothing), and what came of it. Other
// writes wait for it: it must return at once, not throw, and not write itself.
template <class T>
using Completion = std::function<void(std::exception_ptr, T)>;

}  // namespace genesis
