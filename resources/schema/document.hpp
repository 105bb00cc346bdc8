// Reads YAML and JSON as people write them: strictly, with positions, within bounds.
#pragma once
#include "resources/schema/schema.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

// Bounds of one input: 32 levels, 200,000 values; the caller bounds the bytes.
inline constexpr std::size_t document_depth = 32;
inline constexpr std::size_t document_values = 200000;

struct Document {
    json::value value;
    std::size_t line = 1;                           // where it starts in its file
    std::map<std::string, std::size_t> lines = {};  // where each value in it starts, by its JSON pointer

    // Where the value stands or, if it is not there, what it would be in.
    [[nodiscard]] std::size_t line_of(std::string_view pointer) const;
};
// What is written there: "account/acme"; empty if no object is named. The names need not be valid.
std::string object_named_in(json::value const& document);

// "/sites/0/domain" as people write it: "sites[0].domain".
std::string field_of(std::string_view pointer);
// "shop.yaml:3: account/shop: sites[0].domain: is not a valid domain", in the manner of compilers. What is empty or 0
// is left out, and what a terminal obeys is replaced.
std::string sentence(std::string_view file, std::string_view object, Problem const& problem);

// RFC 8259 JSON in UTF-8, without duplicate keys and without code points that are no characters, as RFC 7493 asks.
Checked<json::value> parse_json(std::string_view text);
// One or many YAML 1.2 documents (JSON is one too). Plain scalars are null, true/false, whole numbers or text: 8.2
// stays the text "8.2". Duplicate keys, tags, aliases, control characters and what is not UTF-8 are problems.
Checked<std::vector<Document>> parse_yaml(std::string_view text);
// JSON written for people: two spaces, keys in order.
std::string pretty(json::value const& value);
std::string to_yaml(json::value const& value);

}  // namespace genesis
