// Golden files.
#include "tests/support/golden.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace genesis::test {

std::string source_root() { return GENESIS_SOURCE; }

std::string read_file(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string compare_golden(std::string const& path, std::string const& text) {
    auto const expected = read_file(path);
    if (expected == text) return {};
    if (char const* accept = std::getenv("GENESIS_ACCEPT"); accept != nullptr && std::string(accept) == "1") {
        std::ofstream(path, std::ios::binary) << text;
        return {};
    }
    std::istringstream want(expected), have(text);
    std::string w, h;
    for (int line = 1;; ++line) {
        bool const more_w = static_cast<bool>(std::getline(want, w));
        bool const more_h = static_cast<bool>(std::getline(have, h));
        if (!more_w && !more_h) return path + ": differs in line ends; GENESIS_ACCEPT=1 rewrites it";
        if (more_w != more_h || w != h)
            return path + ":" + std::to_string(line) + "\n  file: " + (more_w ? w : "(ends)") +
                   "\n  now:  " + (more_h ? h : "(ends)") + "\nGENESIS_ACCEPT=1 rewrites it";
    }
}

}  // namespace genesis::test
