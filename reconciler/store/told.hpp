// How a write that returns at once tells its end.
#pragma once
#include <exception>
#include <functional>

namespace genesis {

// Called once, on the store's writing thread, when the write is durable or has failed: what was thrown (null: nothing),
// and what came of it. Must return at once and not throw.
template <class T>
using Told = std::function<void(std::exception_ptr, T)>;

}  // namespace genesis
