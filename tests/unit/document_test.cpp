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

TEST_CASE("null is null again after it was printed as YAML, and the text null a text") {
    json::value const value{{"a", nullptr}, {"b", {nullptr, "null"}}};
    CHECK(to_yaml(value) == "a: null\nb:\n  - null\n  - \"null\"\n");
    auto const read = parse_yaml(to_yaml(value));
    REQUIRE(read.has_value());
    CHECK(read->front().value == value);
}

TEST_CASE("YAML with a control character is refused, where its parser would take one for the end of the file") {
    for (auto const* text : {"a: 1\n\x04", "a: 1\nb\x04", "a: \"\x01\"\n", "# \x1b[2J\na: 1\n"})
        CHECK_FALSE(parse_yaml(text).has_value());
    CHECK_FALSE(parse_yaml(std::string("a: 1\n\0", 6)).has_value());
    CHECK(parse_yaml("a: {b: 1,\tc: 2}\r\n").has_value());
    auto const refused = parse_yaml("a: 1\nb: \x04\n");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().problems == Problems{{"", "malformed", "holds a control character", 2}});
}

// U+009B alone begins what a terminal obeys, as ESC [ does.
TEST_CASE("the control characters beyond ASCII are refused in texts and not quoted in complaints") {
    CHECK(refuse(rules::line,
                 "a\xc2\x9b"
                 "31mb")
              .has_value());
    CHECK(refuse(rules::line, "\xc2\x80").has_value());
    CHECK_FALSE(refuse(rules::line, "a\xc2\xa0\xc3\x9b").has_value());
    CHECK(pointer("", "a\xc2\x9b/b\x1b\xc3\xa4") == "/a?~1b?\xc3\xa4");
    auto const twice = parse_json("{\"\xc2\x9b\": 1, \"\xc2\x9b\": 2}");
    REQUIRE_FALSE(twice.has_value());
    CHECK(printable(twice.error().problems));
}

// RFC 7493, 2.1; the YAML library prints another character in their place.
TEST_CASE("code points that are no characters are in no text") {
    for (auto const* text : {"\xef\xb7\x90", "\xef\xb7\xaf", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe",
                             "\xf4\x8f\xbf\xbf", "\\ufffe", "\\ud83f\\udfff"}) {
        auto const quoted = '"' + std::string("a") + text + "b\"";
        CHECK_FALSE(parse_json(quoted).has_value());
        CHECK_FALSE(parse_json("[{" + quoted + ": 1}]").has_value());
    }
    CHECK_FALSE(parse_yaml("a: \xef\xbf\xbe\n").has_value());
    CHECK_FALSE(parse_yaml("a: \"\\ufffe\"\n").has_value());
    for (auto const* text : {"\xef\xbf\xbd", "\xef\xb7\x8f", "\xef\xb7\xb0", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbd"})
        CHECK(parse_json('"' + std::string(text) + '"').has_value());
}

TEST_CASE("YAML is read as UTF-8 and as nothing else") {
    CHECK_FALSE(parse_yaml("\xfe\xff\x4e\x2d").has_value());
    CHECK_FALSE(parse_yaml("\xff\xfe\x2d\x4e").has_value());
    CHECK(parse_yaml("\xef\xbb\xbf"
                     "a: \xe4\xb8\xad\n")
              .has_value());
}

// The library takes what cannot go on a document for another one, in "," for ever.
TEST_CASE("each document but the first begins with ---, and what follows a document otherwise is refused") {
    for (auto const* text :
         {",", "&a ,", "[],", "{},b", "--- ,", "a: 1\n---\n,", "\"a\" \"b\"", "a\n...\nb\n", "a\n... ---\n"})
        CHECK_FALSE(parse_yaml(text).has_value());
    for (auto const* text :
         {"a", "--- a\n--- b\n", "\357\273\277a\n---\nb", "a\r\n...\r\n%YAML 1.2\r\n---\r\nb", "---\n---\n---\n"})
        CHECK(parse_yaml(text).has_value());
    auto const refused = parse_yaml("a: 1\n---\n{} {}\n");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().problems == Problems{{"", "malformed", "a further document must begin with ---", 3}});
}

// A break in YAML (5.4), which the library takes for a part of the text.
TEST_CASE("a carriage return alone ends no line of YAML") {
    CHECK_FALSE(parse_yaml("a: 1\rb: 2\r").has_value());
    CHECK_FALSE(parse_yaml("[]\n\r \t").has_value());
    CHECK(parse_yaml("a: 1\r\nb: 2\r\n").has_value());
}

TEST_CASE("minus zero is the number zero in both notations, and leading zeros are a number in neither") {
    for (auto const* text : {"[0]", "[-0]"}) {
        auto const json = parse_json(text);
        auto const yaml = parse_yaml(text);
        REQUIRE(json.has_value());
        REQUIRE(yaml.has_value());
        CHECK(*json == json::array{0});
        CHECK(yaml->front().value == *json);
    }
    CHECK_FALSE(parse_json("[-07]").has_value());
    CHECK(parse_yaml("[-07]")->front().value == json::array{"-07"});
}

TEST_CASE("a key too long to be a simple one is printed as YAML that is read as itself") {
    for (std::string const part : {"k", "\x01", "\u00e9", "\ufeff", " "})
        for (auto const times : std::initializer_list<std::size_t>{83, 84, 250, 251, 1100}) {
            std::string key;
            for (std::size_t i = 0; i < times; ++i) key += part;
            json::value const value{{"a", {{{key, {{"x", {{key, {}}}}}}, {key + "1", {key}}, {"y", 1}}, 2}},
                                    {key, nullptr}};
            auto const read = parse_yaml(to_yaml(value));
            REQUIRE(read.has_value());
            CHECK(read->front().value == value);
        }
}

TEST_CASE("a key that YAML would read otherwise is printed in quotes") {
    for (auto const* key :
         {"a\rb", "\r", "a\nb", "null", "~", "", "a: b", "- a", "#", "?", "a b", " a", "8.2", "true", "\x7f"}) {
        INFO(key);
        json::value const value{{"x", {{key, 1}}}};
        auto const read = parse_yaml(to_yaml(value));
        REQUIRE(read.has_value());
        CHECK(read->front().value == value);
    }
}

TEST_CASE("where each value of a document stands is known, and of what is missing where it would be") {
    auto const read =
        parse_yaml("# first\nname: acme\n---\n\nname: beta\nsites:\n  - domain: a.example\n  -\n    domain: b\n");
    REQUIRE(read.has_value());
    REQUIRE(read->size() == 2);
    CHECK(read->front().line == 2);
    auto const& beta = read->back();
    CHECK(beta.line == 5);
    CHECK(beta.line_of("/sites") == 6);
    CHECK(beta.line_of("/sites/0/domain") == 7);
    CHECK(beta.line_of("/sites/1/domain") == 9);
    CHECK(beta.line_of("/sites/1/tls/mode") == 9);
    CHECK(beta.line_of("/contact") == 5);
    CHECK(beta.line_of("") == 5);
}

TEST_CASE("a problem is one line in the manner of compilers, without what a terminal would obey") {
    CHECK(field_of("/sites/0/php/settings/a~1b~0c") == "sites[0].php.settings.a/b~c");
    CHECK(field_of("").empty());
    CHECK(sentence("shop.yaml", "account/shop", {"/sites/0", "invalid", "is\x1b[31m wrong", 3}) ==
          "shop.yaml:3: account/shop: sites[0]: is?[31m wrong");
    CHECK(sentence("", "", {"", "invalid", "is wrong"}) == "is wrong");
    CHECK(object_named_in({{"kind", "account"}, {"name", "acme"}}) == "account/acme");
    CHECK(object_named_in({{"kind", "account"}, {"name", 7}}).empty());
}

TEST_CASE("a schedule of cron without quotes is refused with a hint to put it in quotes, and its line") {
    for (auto const* text : {"* * * * *", "*/5 * * * *", "*/5", "*"})
        for (auto const& yaml : {"cron:\n  - schedule: " + std::string(text) + "\n    command: x\n",
                                 "cron:\n  - {schedule: " + std::string(text) + ", command: x}\n",
                                 "a:\n  - " + std::string(text) + "\n"}) {
            auto const read = parse_yaml(yaml);
            REQUIRE_FALSE(read.has_value());
            INFO(yaml << read.error().problems.front().text);
            CHECK(read.error().problems.front().text.find("must be in quotes") != std::string::npos);
            CHECK(read.error().problems.front().line == 2);
        }
    CHECK(parse_yaml("a: \"* * * * *\"\nb: '*/5'\n").has_value());
}
