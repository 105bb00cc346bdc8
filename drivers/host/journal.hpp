// What a unit's processes wrote, from systemd's journal.
#pragma once
#include "drivers/context.hpp"

#include <string>
#include <vector>

namespace genesis::host {

// Since then, oldest first, 200 lines at most. Empty where there is no journal, and where nothing has arrived within a
// fifth of a second.
std::vector<std::string> written_by(std::string const& unit, Time since);

}  // namespace genesis::host
