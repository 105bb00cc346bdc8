// What is mounted where, as the kernel says.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace genesis::host {

// A mount point at the path or beneath it, seen from this process. Throws Fault when /proc cannot be read.
std::optional<std::string> mount_at_or_beneath(std::string_view path);

}  // namespace genesis::host
