// Compares a text with the file that says how it should be; GENESIS_ACCEPT=1 rewrites the file instead.
#pragma once
#include <string>

namespace genesis::test {

std::string source_root();  // the repository this binary was built from
std::string read_file(std::string const& path);
// Empty when equal; otherwise where they part.
inline std::string const same;  // what compare_golden() returns of equal texts
std::string compare_golden(std::string const& path, std::string const& text);

}  // namespace genesis::test
