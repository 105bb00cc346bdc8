// Where in a file something is wrong, said in the manner of compilers.
#include "resources/schema/document.hpp"

namespace genesis {
namespace {

std::string text_in(json::value const& document, std::string_view name) {
    auto const* fields = document.if_object();
    auto const* value = fields != nullptr ? fields->if_contains(name) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string unescaped(std::string_view segment) {  // RFC 6901, 4
    std::string out;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        bool const escape = segment[i] == '~' && i + 1 < segment.size();
        out += !escape ? segment[i] : segment[++i] == '1' ? '/' : '~';
    }
    return out;
}

}  // namespace

std::size_t Document::line_of(std::string_view pointer) const {
    while (!pointer.empty()) {
        if (auto const known = lines.find(std::string(pointer)); known != lines.end()) return known->second;
        auto const cut = pointer.rfind('/');
        pointer = pointer.substr(0, cut == std::string_view::npos ? 0 : cut);
    }
    return line;
}

std::string object_named_in(json::value const& document) {
    auto const kind = text_in(document, "kind"), name = text_in(document, "name");
    return kind.empty() || name.empty() ? std::string() : kind + "/" + name;
}

std::string field_of(std::string_view pointer) {
    std::string out;
    while (!pointer.empty()) {
        if (pointer.front() == '/') pointer.remove_prefix(1);
        auto const segment = pointer.substr(0, pointer.find('/'));
        bool const item = !segment.empty() && segment.find_first_not_of("0123456789") == std::string_view::npos;
        if (item && !out.empty())
            out.append("[").append(segment).append("]");
        else
            out.append(out.empty() ? "" : ".").append(unescaped(segment));
        pointer.remove_prefix(segment.size());
    }
    return out;
}

std::string sentence(std::string_view file, std::string_view object, Problem const& problem) {
    std::string out(file);
    if (!out.empty() && problem.line != 0) out += ":" + std::to_string(problem.line);
    for (auto const& part : {std::string(object), field_of(problem.path), problem.text})
        if (!part.empty()) out.append(out.empty() ? "" : ": ").append(part);
    return visible(out);
}

}  // namespace genesis
