// Reads YAML and JSON as people write them: strictly, with positions, within bounds.
#pragma once
#include "resources/schema/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace genesis {

// Bounds of one input: 32 levels, 200,000 values; the caller bounds the bytes.
inline constexpr std::size_t document_depth = 32;
inline constexpr std::size_t document_values = 200000;

struct Document {
    json::value value;
    std::size_t line = 1;  // where it starts in its file
};

// RFC 8259 JSON in UTF-8, without duplicate keys and without code points that are no characters, as RFC 7493 asks.
Checked<json::value> parse_json(std::string_view text);
// One or many YAML 1.2 documents (JSON is one too). Plain scalars are null, true/false, whole numbers or text: 8.2
// stays the text "8.2". Duplicate keys, tags, aliases, control characters and what is not UTF-8 are problems.
Checked<std::vector<Document>> parse_yaml(std::string_view text);
// JSON written for people: two spaces, keys in order.
std::string pretty(json::value const& value);
std::string to_yaml(json::value const& value);

}  // namespace genesis
