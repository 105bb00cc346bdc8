// The log: one JSON object a line on standard error, for the journal.
#pragma once
#include "drivers/context.hpp"

#include <memory>

namespace genesis {

// Thread-safe. One event is one line, whatever its values contain.
std::unique_ptr<Log> make_log(Level least);

}  // namespace genesis
