// What the fuzzers have found worth keeping is read again by every run of the tests.
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <vector>

using namespace genesis::fuzz;
using namespace genesis::test;

namespace {

// At least twenty: a corpus that was lost does not pass for one that finds nothing.
void replay(std::string const& target, void (*run)(std::string_view)) {
    std::vector<std::string> files;
    for (auto const& e : std::filesystem::directory_iterator(source_root() + "/tests/fuzz/corpus/" + target))
        files.push_back(e.path().string());
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 20);
    for (auto const& file : files) {
        INFO(file);
        CHECK_NOTHROW(run(read_file(file)));
    }
}

}  // namespace

TEST_CASE("request heads of the fuzzer's corpus keep their laws") { replay("request_head", fuzz_request_head); }
TEST_CASE("JSON of the fuzzer's corpus keeps the laws of specs") { replay("json_spec", fuzz_json_spec); }
TEST_CASE("YAML of the fuzzer's corpus keeps the laws of specs") { replay("yaml_spec", fuzz_yaml_spec); }
