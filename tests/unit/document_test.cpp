// What the readers of documents must not let through, each found by feeding them rubbish.
#include "resources/schema/document.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace genesis;

namespace {

bool printable(Problems const& problems) {
    return std::all_of(problems.begin(), problems.end(), [](Problem const& p) {
        auto const all = p.path + p.text;
        return std::all_of(all.begin(), all.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    });
}

}  // namespace

TEST_CASE("a number that is too large to be printed again is refused") {
    for (auto const* text : {"1e400", "-1e400", R"({"a": [1e999]})"}) CHECK_FALSE(parse_json(text).has_value());
    CHECK(parse_json("1e300").has_value());
}

TEST_CASE("a text that looks like null is text again after it was printed as YAML") {
    for (auto const* text : {"null", "Null", "NULL", "true", "~", "nullable"}) {
        auto const read = parse_yaml(to_yaml({{"a", text}}));
        REQUIRE(read.has_value());
        CHECK(read->front().value.at("a") == json::value(text));
    }
}

TEST_CASE("a complaint about a document holds no control bytes of it") {
    auto const yaml = parse_yaml("a: [\x01\x1b[31m\n\"\x80");
    REQUIRE_FALSE(yaml.has_value());
    CHECK(printable(yaml.error().problems));
    auto const json = parse_json("{\"a\\u001b\": 1, \"a\\u001b\": 2}");
    REQUIRE_FALSE(json.has_value());
    CHECK(printable(json.error().problems));
}
