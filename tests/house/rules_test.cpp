// Rules of style that are tests, because a rule without one is a wish.
#include "resources/catalog.hpp"
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>
#include <vector>

using namespace genesis::test;

namespace {

std::string const none;

std::vector<std::string> files(std::vector<std::string> const& tops) {
    std::vector<std::string> out;
    for (auto const& top : tops)
        for (auto const& e : std::filesystem::recursive_directory_iterator(source_root() + "/" + top))
            if (e.path().extension() == ".cpp" || e.path().extension() == ".hpp")
                out.push_back(std::filesystem::relative(e.path(), source_root()).string());
    std::sort(out.begin(), out.end());
    return out;
}

std::string first_match(std::string const& text, std::regex const& what) {
    std::istringstream lines(text);
    std::string line;
    for (int n = 1; std::getline(lines, line); ++n) {
        auto const code = line.substr(0, line.find("//"));
        if (std::regex_search(code, what)) return std::to_string(n) + ": " + line;
    }
    return {};
}

struct Function {
    std::string first;                // its first line
    std::size_t line = 0, lines = 0;  // where it begins, and how many it has with its closing brace
};

std::size_t indent_of(std::string const& line) { return std::min(line.find_first_not_of(' '), line.size()); }

// Whether a statement ends with this line, so that the next one begins another.
bool ends_statement(std::string const& code) {
    if (code.empty() || code.starts_with("//") || code.starts_with('#')) return true;
    bool const label = code.ends_with(':') && code.find('(') == std::string::npos;
    return label || code.ends_with(';') || (code.ends_with('{') && !code.ends_with(": {")) || code.ends_with('}');
}

// Relies on clang-format: a body opens with " {" at the end of a line and closes with "}" in the column of the first
// line of its signature. What has parentheses and is neither control flow, a type, a namespace nor a lambda is a
// function, tests included.
std::vector<Function> functions_of(std::string const& text) {
    static std::regex const other(
        R"(^(if|for|while|switch|else|do|try|namespace|class|struct|union|enum|extern)\b|^\})");
    static std::regex const lambda(R"(\](\(.*\))?( mutable)?( noexcept)?( -> .*)? \{$)");
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::vector<Function> out;
    std::size_t first = 0;  // line where the statement began that `n` belongs to
    std::string statement;
    for (std::size_t n = 0; n < lines.size(); ++n) {
        auto code = lines[n].substr(indent_of(lines[n]));
        code.resize(std::min(code.find("  // "), code.size()));
        statement += code;
        bool const opens = code.ends_with(" {") && !code.ends_with("= {") && !std::regex_search(code, lambda);
        if (opens && statement.find('(') != std::string::npos && !std::regex_search(statement, other)) {
            auto const start = indent_of(lines[first]);
            auto end = n + 1;
            while (end < lines.size() && !lines[end].starts_with(std::string(start, ' ') + "}")) ++end;
            out.push_back({lines[first].substr(start), first + 1, end - first + 1});
        }
        if (!ends_statement(code)) continue;
        first = n + 1;
        statement.clear();
    }
    return out;
}

}  // namespace

TEST_CASE("the first line of every file says its one job") {
    for (auto const& path : files({"resources", "drivers", "reconciler", "tests"})) {
        INFO(path);
        CHECK(read_file(source_root() + "/" + path).starts_with("// "));
    }
}

TEST_CASE("no file is over 400 lines") {
    for (auto const& path : files({"resources", "drivers", "reconciler", "tests"})) {
        auto const text = read_file(source_root() + "/" + path);
        INFO(path);
        CHECK(std::count(text.begin(), text.end(), '\n') <= 400);
    }
}

TEST_CASE("no function is over 60 lines") {
    std::size_t counted = 0;
    for (auto const& path : files({"resources", "drivers", "reconciler", "tests"}))
        for (auto const& f : functions_of(read_file(source_root() + "/" + path))) {
            ++counted;
            INFO(path << ":" << f.line << " " << f.first);
            CHECK(f.lines <= 60);
        }
    CHECK(counted > 1500);
}

TEST_CASE("the lines of a function are counted from its first line to its closing brace") {
    auto const all = functions_of(
        "namespace a {\n\nvoid f() {\n}\n\nstruct S {\n    S(int a,\n      int b)\n        : a_(a) {\n        b();\n   "
        " }\n"
        "    int a_ = {\n        1};\n};\n\n// g\nauto g() -> int {\n    if (x) {\n        y();\n    }\n}\n}  // "
        "namespace a\n");
    REQUIRE(all.size() == 3);
    CHECK((all[0].first == "void f() {" && all[0].line == 3 && all[0].lines == 2));
    CHECK((all[1].first == "S(int a," && all[1].line == 7 && all[1].lines == 5));
    CHECK((all[2].first == "auto g() -> int {" && all[2].line == 17 && all[2].lines == 5));
}

TEST_CASE("no shell is ever called") {
    std::regex const banned(R"~((^|[^_\w:.>"])(system|popen|wordexp)\s*\(|"-c", *"|/bin/sh")~");
    for (auto const& path : files({"resources", "drivers", "reconciler"})) {
        if (path.ends_with("_test.cpp") || path.ends_with("/test_bench.hpp")) continue;
        INFO(path);
        CHECK(first_match(read_file(source_root() + "/" + path), banned) == none);
    }
}

TEST_CASE("files are changed in drivers/host only") {
    std::regex const banned(
        R"(std::(o|f)fstream|std::ofstream|filesystem::(remove|rename|copy|create_|permissions|resize)|[^_\w](l|f)?ch(own|mod)(at)?\s*\(|[^_\w:.>]rename(at2?)?\s*\()");
    for (auto const& path : files({"resources", "drivers", "reconciler"})) {
        bool const test = path.ends_with("_test.cpp") || path.find("test_") != std::string::npos ||
                          path.find("_fixture") != std::string::npos;
        if (path.starts_with("drivers/host/") || test) continue;
        INFO(path);
        CHECK(first_match(read_file(source_root() + "/" + path), banned) == none);
    }
}

TEST_CASE("nothing is left for later in the code") {
    std::regex const banned(R"(\b(TODO|FIXME|XXX|HACK)\b)");
    for (auto const& path : files({"resources", "drivers", "reconciler"})) {
        INFO(path);
        CHECK_FALSE(std::regex_search(read_file(source_root() + "/" + path), banned));
    }
}

TEST_CASE("the top level holds what the house rules say, and nothing else") {
    std::vector<std::string> const allowed{"CMakeLists.txt", "reconciler", "resources", "drivers",
                                           "specs",          "tests",      "README.md", "LICENSE"};
    for (auto const& e : std::filesystem::directory_iterator(source_root())) {
        auto const name = e.path().filename().string();
        if (name.starts_with('.') || name == "build" || name == "CMakePresets.json")
            continue;  // the last two are not tracked
        INFO(name);
        CHECK(std::find(allowed.begin(), allowed.end(), name) != allowed.end());
    }
}

TEST_CASE("the README of the package names no file of the source tree, and of its documents those that are installed") {
    auto const readme = read_file(source_root() + "/reconciler/app/package/README.md");
    auto const installed = read_file(source_root() + "/CMakeLists.txt");
    for (auto const* room : {"tests/", "reconciler/", "drivers/", "resources/", "build/"})
        CHECK(readme.find(room) == std::string::npos);
    std::regex const path("/usr/share/doc/genesis/([A-Za-z_.]+)");
    int documents = 0;
    for (std::sregex_iterator at(readme.begin(), readme.end(), path), end; at != end; ++at, ++documents) {
        INFO((*at)[1].str());
        CHECK(installed.find("specs/" + (*at)[1].str()) != std::string::npos);
    }
    CHECK(documents >= 6);
}

TEST_CASE("every example of specs/ is accepted as it stands") {
    int documents = 0;
    for (auto const* folder : {"/specs/examples", "/specs/packages"}) {
        if (!std::filesystem::exists(source_root() + folder)) continue;
        for (auto const& e : std::filesystem::directory_iterator(source_root() + folder)) {
            if (e.path().extension() != ".yaml") continue;
            auto parsed = genesis::parse_yaml(read_file(e.path().string()));
            INFO(e.path().string());
            REQUIRE(parsed.has_value());
            for (auto const& d : *parsed) {
                auto spec = genesis::read_spec(d.value);
                if (!spec)
                    for (auto const& p : spec.error().problems) UNSCOPED_INFO(p.path << " " << p.text);
                CHECK(spec.has_value());
                ++documents;
            }
        }
    }
    CHECK(documents >= 2);
}
