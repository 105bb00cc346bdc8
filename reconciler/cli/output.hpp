// Output: tables for people, JSON and YAML for scripts, one problem a line.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::cli {

// Safe for a terminal: control characters (C0, DEL and C1) are replaced by ?.
std::string clean(std::string_view text);

struct Table {
    std::vector<std::string> head;
    std::vector<std::vector<std::string>> rows;
};
void print(std::ostream& out,
           Table const& table);  // columns padded, no trailing blanks; nothing when there are no rows
void print(std::ostream& out, Format format, json::value const& value);  // json or yaml

// The problems of an application/problem+json body; its detail when it lists none.
Problems problems_in(unsigned status, json::value const& body);
// They as lines: "account/acme: sites[0].domain: text". A text that names the object itself is left as it is.
std::string problem_text(unsigned status, json::value const& body, std::string_view object = "");
// The command that confirms a removal of the object's that is held back for `reason`, as a plan calls it; empty where
// none does.
std::string confirmation(std::string_view reason, std::string_view object);

// Reads answers without relying on their shape: what is missing is empty.
std::string text_at(json::value const& object, std::string_view name);
json::array const& list_at(json::value const& object, std::string_view name);
json::value const& value_at(json::value const& object, std::string_view name);
std::string short_json(json::value const& value);  // a value within a sentence
// "true", "false", "unknown", or empty when there is no such condition.
json::value const& condition(json::value const& envelope, std::string_view type);

// Changes, one a line: "      /max_children: 5 -> 8".
void print_changes(std::ostream& out, json::array const& changes, std::string_view from, std::string_view to);
// Of a plan or of drift: kinds that could not be observed, and why; and a line for each.
json::object const& unreachable_kinds(json::value const& body);
void print_unreachable(std::ostream& out, json::value const& body);

}  // namespace genesis::cli
