// The log: one JSON object a line on standard error, where the journal takes it.
#pragma once
#include "drivers/context.hpp"

#include <memory>

namespace genesis {

// Thread-safe. Values are escaped, so one event is one line whatever they hold.
std::unique_ptr<Log> make_log(Level least);

}  // namespace genesis
