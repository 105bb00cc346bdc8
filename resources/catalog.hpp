// The explicit list of the kinds people write, one line each.
#pragma once
#include "resources/account/account.hpp"
#include "resources/schema/document.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

struct ObjectKind {
    Schema const* schema;
    std::string_view plural;                                   // as in a URL: "accounts", "ip-pools"
    Problems (*check)(json::object const& spec);               // rules between fields; null when there are none
    std::vector<std::string> (*domains)(json::object const&);  // host names it claims; null when none
    // What the server chooses when it is left out, and what it must have; null when there is nothing of the kind.
    Problems (*choose)(json::object& spec, json::object const* former, InstalledPhp const& installed);
    std::vector<std::string_view> allocates;  // numbers chosen with it: "uid"
    std::string_view scope;                   // what a key must have to write it: "account:write"
};
std::span<ObjectKind const> object_kinds();
ObjectKind const* find_kind(std::string_view singular_or_plural);

// A spec as given (with `kind` and `name` among its fields) or every problem with it. The result is complete: defaults
// are written in, `kind` is taken out.
struct Spec {
    ObjectKind const* kind;
    std::string name;
    json::object value;
};
Checked<Spec> read_spec(json::value document);
// The same for a body whose kind and name are given by the URL; a different name in it is a problem.
Checked<Spec> read_spec(ObjectKind const& kind, std::string_view name, json::value body);

}  // namespace genesis
