// The include table of README.md holds for every include of every source file.
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

using namespace genesis::test;

namespace {

struct Room {
    std::vector<std::string> paths, may;
};

std::vector<std::string> quoted(std::string const& cell) {
    std::vector<std::string> out;
    static std::regex const code("`([^`]+)`");
    for (auto it = std::sregex_iterator(cell.begin(), cell.end(), code); it != std::sregex_iterator(); ++it)
        out.push_back((*it)[1]);
    return out;
}

std::vector<Room> table_of(std::string const& readme) {
    std::vector<Room> rooms;
    std::istringstream lines(readme);
    std::string line;
    bool inside = false;
    while (std::getline(lines, line)) {
        if (line.starts_with("| room |"))
            inside = true;
        else if (inside && !line.starts_with("|"))
            break;
        else if (inside && !line.starts_with("|---")) {
            auto const middle = line.find('|', 1);
            rooms.push_back({quoted(line.substr(0, middle)), quoted(line.substr(middle))});
        }
    }
    return rooms;
}

// "drivers/*/kinds.hpp": a star is one path segment, or part of one; a pattern that ends in / is everything below it.
bool matches(std::string const& pattern, std::string const& path) {
    std::string expression;
    for (char c : pattern) expression += c == '*' ? "[^/]*" : c == '.' ? "\\." : std::string(1, c);
    if (pattern.ends_with('/')) expression += ".*";
    return std::regex_match(path, std::regex(expression));
}

bool any(std::vector<std::string> const& patterns, std::string const& path) {
    return std::any_of(patterns.begin(), patterns.end(), [&](auto const& p) { return matches(p, path); });
}

std::string folder(std::string const& path) { return path.substr(0, path.rfind('/') + 1); }

std::vector<std::string> sources() {
    std::vector<std::string> out;
    for (auto const* top : {"resources", "drivers", "reconciler"})
        for (auto const& e : std::filesystem::recursive_directory_iterator(source_root() + "/" + top)) {
            auto const ending = e.path().extension();
            auto const path = std::filesystem::relative(e.path(), source_root()).string();
            bool const test = path.ends_with("_test.cpp") || path.find("test_") != std::string::npos ||
                              path.find("fake_") != std::string::npos || path.find("_fixture") != std::string::npos;
            if ((ending == ".cpp" || ending == ".hpp") && !test) out.push_back(path);
        }
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::string> includes_of(std::string const& path) {
    std::vector<std::string> out;
    std::istringstream lines(read_file(source_root() + "/" + path));
    std::string line;
    static std::regex const include("^#include \"([^\"]+)\"");
    std::smatch found;
    while (std::getline(lines, line))
        if (std::regex_search(line, found, include)) out.push_back(found[1]);
    return out;
}

}  // namespace

TEST_CASE("every include follows the table of README.md") {
    auto const rooms = table_of(read_file(source_root() + "/README.md"));
    REQUIRE(rooms.size() >= 10);
    std::size_t checked = 0;
    for (auto const& path : sources()) {
        auto room = std::find_if(rooms.begin(), rooms.end(), [&](auto const& r) { return any(r.paths, path); });
        INFO(path << " is in no room of the table");
        REQUIRE(room != rooms.end());
        for (auto const& include : includes_of(path)) {
            ++checked;
            bool const own = folder(include) == folder(path);
            INFO(path << " includes " << include);
            CHECK((own || any(room->may, include)));
        }
    }
    CHECK(checked > 100);
}

TEST_CASE("the include table would notice an arrow that turns") {
    CHECK(matches("drivers/*/kinds.hpp", "drivers/unix/kinds.hpp"));
    CHECK_FALSE(matches("drivers/*/kinds.hpp", "drivers/unix/driver.hpp"));
    CHECK(matches("resources/", "resources/schema/text.hpp"));
    CHECK_FALSE(matches("resources/", "reconciler/run/loop.hpp"));
}
