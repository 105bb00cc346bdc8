// One pass over the bytes of a target; nothing is decoded or normalised.
#include "reconciler/api/target.hpp"

#include <algorithm>

namespace genesis {
namespace {

bool is_query(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_=&.:-").find(c) != std::string_view::npos;
    });
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    for (std::size_t from = 0; from <= text.size();) {
        auto const end = std::min(text.find(separator, from), text.size());
        out.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return out;
}

bool is_segment(std::string_view text) {
    return !text.empty() && text != "." && text != ".." && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
}

std::optional<CutTarget> cut(std::string_view target) {
    auto const mark = std::min(target.find('?'), target.size());
    CutTarget out;
    out.query = target.substr(std::min(mark + 1, target.size()));
    auto const path = target.substr(0, mark);
    if (!path.starts_with('/') || !is_query(out.query)) return std::nullopt;
    out.segments = split(path.substr(1), '/');
    if (!std::all_of(out.segments.begin(), out.segments.end(), is_segment)) return std::nullopt;
    return out;
}

bool is_signed_target(std::string_view target) {
    auto const parts = cut(target);
    return parts && parts->segments.size() > 1 && parts->segments.front() == "v1";
}

}  // namespace genesis
