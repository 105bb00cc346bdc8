// Prints tables and problems, and reads answers.
#include "reconciler/cli/output.hpp"

#include <algorithm>
#include <ostream>

namespace genesis::cli {
namespace {

constexpr std::size_t longest_shown = 120;  // bytes of a value

// Counts code points, which is close enough to columns here.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void print_row(std::ostream& out, std::vector<std::string> const& row, std::vector<std::size_t> const& widths) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
        line += row[i];
        if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 3, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
}

// The items of one list that the other lacks, after "..." for common ones.
json::value apart(json::array const& list, json::array const& other) {
    json::array out;
    for (auto const& item : list)
        if (std::find(other.begin(), other.end(), item) == other.end()) out.push_back(item);
    if (out.size() < list.size()) out.insert(out.begin(), json::value("..."));
    return out;
}

}  // namespace

std::string clean(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        auto const next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (byte < 0x20 || byte == 0x7F)
            out += '?';
        else if (byte == 0xC2 && next >= 0x80 && next <= 0x9F)
            out += '?', ++i;
        else
            out += text[i];
    }
    return out;
}

void print(std::ostream& out, Table const& table) {
    if (table.rows.empty()) return;
    auto rows = table.rows;
    for (auto& row : rows)
        for (auto& cell : row) cell = clean(cell);
    std::vector<std::size_t> widths;
    for (auto const& title : table.head) widths.push_back(width(title));
    for (auto const& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    print_row(out, table.head, widths);
    for (auto const& row : rows) print_row(out, row, widths);
}

void print(std::ostream& out, Format format, json::value const& value) {
    auto const text = format == Format::json ? pretty(value) : to_yaml(value);
    out << text;
    if (!text.ends_with('\n')) out << '\n';
}

Problems problems_in(unsigned status, json::value const& body) {
    Problems out;
    for (auto const& problem : list_at(body, "problems"))
        out.push_back({text_at(problem, "path"), text_at(problem, "code"), text_at(problem, "text")});
    if (!out.empty()) return out;
    auto text = text_at(body, "detail");
    if (text.empty()) text = text_at(body, "title");
    if (text.empty()) text = "the daemon answered " + std::to_string(status);
    return {{"", text_at(body, "code"), std::move(text)}};
}

std::string problem_text(unsigned status, json::value const& body, std::string_view object) {
    std::string out;
    for (auto const& problem : problems_in(status, body)) {
        bool const named = !object.empty() && problem.text.find(object) != std::string::npos;
        out += (out.empty() ? "" : "\n") + sentence("", named ? "" : object, problem);
    }
    return out;
}

std::string confirmation(std::string_view reason, std::string_view object) {
    if (object.empty() || (reason != "holds_data" && reason != "removal_limit")) return {};
    auto const one = "genesisctl reconcile " + clean(object) + " --confirm-removals";
    return reason == "holds_data" ? one : one + ", or for all: genesisctl reconcile --all --confirm-removals";
}

json::value const& value_at(json::value const& object, std::string_view name) {
    static json::value const nothing;
    auto const* o = object.if_object();
    auto const* value = o != nullptr ? o->if_contains(name) : nullptr;
    return value != nullptr ? *value : nothing;
}

std::string text_at(json::value const& object, std::string_view name) {
    auto const& value = value_at(object, name);
    if (value.is_null()) return {};
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

json::array const& list_at(json::value const& object, std::string_view name) {
    static json::array const nothing;
    auto const* list = value_at(object, name).if_array();
    return list != nullptr ? *list : nothing;
}

std::string short_json(json::value const& value) {
    if (value.is_null()) return "(none)";
    auto text =
        value.is_string() && !value.get_string().empty() ? std::string(value.get_string()) : json::serialize(value);
    if (text.size() > longest_shown) {
        text.resize(longest_shown);
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
        if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80U) != 0) text.pop_back();
        text += "...";
    }
    return clean(text);
}

json::value const& condition(json::value const& envelope, std::string_view type) {
    static json::value const nothing;
    for (auto const& one : list_at(value_at(envelope, "status"), "conditions"))
        if (text_at(one, "type") == type) return one;
    return nothing;
}

void print_changes(std::ostream& out, json::array const& changes, std::string_view from, std::string_view to) {
    for (auto const& change : changes) {
        auto before = value_at(change, from), after = value_at(change, to);
        // Of long lists only the difference: a common beginning would hide it.
        bool const lists = before.is_array() && after.is_array();
        if (lists && std::max(json::serialize(before).size(), json::serialize(after).size()) > longest_shown) {
            auto less = apart(before.get_array(), after.get_array()),
                 more = apart(after.get_array(), before.get_array());
            if (less != more) before = std::move(less), after = std::move(more);
        }
        out << "      " << clean(text_at(change, "path")) << ": " << short_json(before) << " -> " << short_json(after)
            << '\n';
    }
}

json::object const& unreachable_kinds(json::value const& body) {
    static json::object const nothing;
    auto const* kinds = value_at(body, "unreachable").if_object();
    return kinds != nullptr ? *kinds : nothing;
}

void print_unreachable(std::ostream& out, json::value const& body) {
    for (auto const& [kind, why] : unreachable_kinds(body))
        out << "  ? " << clean(kind) << " cannot be observed (" << clean(why.is_string() ? why.get_string() : "")
            << "): taken as last seen\n";
}

}  // namespace genesis::cli
