// The explicit list of the kinds people write, one line each.
#pragma once
#include "resources/account/account.hpp"
#include "resources/schema/claim.hpp"
#include "resources/schema/dependent.hpp"
#include "resources/schema/document.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

// The functions are null where the kind has none of what they do.
struct ObjectKind {
    Schema const* schema;
    std::string_view plural;  // as in a URL: "accounts", "ip-pools"
    std::string_view scope;   // what a key must have to write it: "account:write"
    // Rules between fields.
    Problems (*check)(json::object const& spec) = nullptr;
    // What the server chooses when it is left out, and what it must have.
    Problems (*choose)(json::object& spec, json::object const* former, InstalledPhp const& installed) = nullptr;
    // Rules that need what the spec refers to; former is null where the object is new.
    Problems (*check_referred)(json::object const& spec, json::object const* former, Referred const&) = nullptr;
    // Rules about those that refer to it. Asked with the store's lock held: of what no other rule refuses.
    Problems (*check_dependents)(json::object const& spec, json::object const* former, EachDependent const&) = nullptr;
    std::vector<Claim> (*claims)(json::object const& spec) = nullptr;
    // As a pool: what others may have of it, in the order of giving.
    std::vector<Value> (*offers)(json::object const& spec) = nullptr;
};
std::span<ObjectKind const> object_kinds();
ObjectKind const* find_kind(std::string_view singular_or_plural);
ObjectKind const* find_kind(std::span<ObjectKind const> kinds, std::string_view singular_or_plural);

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

// In which order specs that come together are stored: one that another refers to before it, otherwise as given.
std::vector<std::size_t> storing_order(std::vector<Spec const*> const& specs);
// spec_of(T const&) is its Spec.
template <class T, class F>
void sort_for_storing(std::vector<T>& all, F const& spec_of) {
    std::vector<Spec const*> specs;
    for (auto const& one : all) specs.push_back(&spec_of(one));
    std::vector<T> sorted;
    for (auto const i : storing_order(specs)) sorted.push_back(std::move(all[i]));
    all = std::move(sorted);
}

}  // namespace genesis
