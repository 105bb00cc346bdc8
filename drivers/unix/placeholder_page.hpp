// The first page of a new site, which is the tenant's from then on.
#pragma once
#include "drivers/host/files.hpp"

#include <string_view>

namespace genesis {

// Writes index.php into a directory just made, or index.html when `placeholder_page` is "static:" and a domain. The page belongs
// to the directory's owner, 0644.
void write_placeholder_page(host::Dir const& dir, std::string_view welcome, host::Owner const& owner);

}  // namespace genesis
