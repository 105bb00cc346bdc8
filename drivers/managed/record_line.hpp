// The first line of a managed file: a comment that says the file is ours and holds the record it was made from.
#pragma once
#include "resources/schema/codec.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace genesis::managed {

inline constexpr std::string_view marker = " genesis ";  // after the comment character of the file's format

// Whether the first line is one of ours, readable or not.
inline bool is_ours(std::string_view bytes) { return !bytes.empty() && bytes.substr(1).starts_with(marker); }

inline std::string_view after_first_line(std::string_view bytes) {
    auto const end = bytes.find('\n');
    return end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1);
}

// `without`: the fields that are secret or only observed. Equal records give equal lines.
template <Described V>
std::string record_line(char comment, V const& record, std::initializer_list<std::string_view> without) {
    auto json = encode(record);
    for (auto const name : without) json.erase(name);
    return comment + std::string(marker) + json::serialize(json) + "\n";
}

// Nothing when the first line is none of ours or its record cannot be read.
template <Described V>
std::optional<V> read_record(std::string_view bytes) {
    if (!is_ours(bytes)) return std::nullopt;
    auto const line = bytes.substr(0, bytes.find('\n')).substr(1 + marker.size());
    boost::system::error_code error;
    auto const parsed = json::parse(line, error);
    if (error) return std::nullopt;
    auto record = decode<V>(parsed);
    if (!record) return std::nullopt;
    return std::move(*record);
}

}  // namespace genesis::managed
