// Why Apache does not run, in its own words.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

// The line that says why, or nothing. `printed`: what it wrote before it had a log. `logged`: what its error log says
// since; there lines of its sites' requests stand as well, and only those of its parent's are about itself.
std::string complaint(std::vector<std::string> const& printed, std::string_view logged, std::optional<pid_t> parent);

}  // namespace genesis
