// How a document becomes a spec of one of the kinds.
#include "resources/catalog.hpp"

#include <map>

namespace genesis {

ObjectKind const* find_kind(std::span<ObjectKind const> kinds, std::string_view word) {
    for (auto const& k : kinds)
        if (k.schema->kind == word || k.plural == word) return &k;
    return nullptr;
}

ObjectKind const* find_kind(std::string_view word) { return find_kind(object_kinds(), word); }

Checked<Spec> read_spec(ObjectKind const& kind, std::string_view name, json::value body) {
    if (!body.is_object()) return Refused{{{"", "wrong_type", "must be a mapping"}}};
    auto spec = std::move(body.get_object());
    if (auto const* said = spec.if_contains("kind");
        said != nullptr && !(said->is_string() && said->get_string() == kind.schema->kind))
        return Refused{{{"/kind", "conflict", "must be " + std::string(kind.schema->kind) + " here"}}};
    spec.erase("kind");
    auto const key = std::string(kind.schema->key()->name);
    if (!name.empty() && !spec.contains(key)) spec[key] = name;
    if (auto problems = check(*kind.schema, spec); !problems.empty()) return Refused{std::move(problems)};
    if (!name.empty() && spec.at(key).as_string() != name)
        return Refused{{{"/" + key, "conflict", "must be the name in the URL"}}};
    spec = complete(*kind.schema, std::move(spec));
    if (kind.check != nullptr)
        if (auto problems = kind.check(spec); !problems.empty()) return Refused{std::move(problems)};
    return Spec{&kind, std::string(spec.at(key).as_string()), std::move(spec)};
}

Checked<Spec> read_spec(json::value document) {
    if (!document.is_object()) return Refused{{{"", "wrong_type", "must be a mapping with kind and name"}}};
    auto const* word = document.get_object().if_contains("kind");
    if (word == nullptr || !word->is_string()) return Refused{{{"/kind", "required", "must be given"}}};
    auto const* kind = find_kind(std::string_view(word->get_string()));
    if (kind == nullptr || kind->schema->kind != std::string_view(word->get_string())) {
        std::string all;
        for (auto const& k : object_kinds()) all += (all.empty() ? "" : ", ") + std::string(k.schema->kind);
        return Refused{{{"/kind", "invalid", "must be one of: " + all}}};
    }
    return read_spec(*kind, "", std::move(document));
}

std::vector<std::size_t> storing_order(std::vector<Spec const*> const& specs) {
    std::map<Ref, std::size_t> given;
    for (std::size_t i = 0; i < specs.size(); ++i)
        given.emplace(Ref{std::string(specs[i]->kind->schema->kind), specs[i]->name}, i);
    std::vector<std::size_t> out;
    std::vector<bool> entered(specs.size());  // once: whatever refers to itself in a circle is stored as given
    auto const enter = [&](auto const& self, std::size_t i) -> void {
        if (entered[i]) return;
        entered[i] = true;
        for (auto const& to : references(*specs[i]->kind->schema, specs[i]->value))
            if (auto const other = given.find(to); other != given.end()) self(self, other->second);
        out.push_back(i);
    };
    for (std::size_t i = 0; i < specs.size(); ++i) enter(enter, i);
    return out;
}

}  // namespace genesis
