// The edges between records and between objects: every text that a description says is the key of another.
#include "resources/schema/place.hpp"

namespace genesis {
namespace {

using Visit = std::function<void(Constraint const&, std::string_view key, Place const&)>;

void walk(Schema const& schema, json::object const& object, Place const& at, Visit const& visit);

void walk(Shape const& shape, Constraint const& constraint, json::value const& value, Place const& at, Visit const& visit) {
    switch (shape.type) {
        case Type::text:
            if (!constraint.refers_to.empty() && value.is_string() && !value.get_string().empty())
                visit(constraint, value.get_string(), at);
            return;
        case Type::record:
            if (value.is_object()) walk(*shape.record, value.get_object(), at, visit);
            return;
        case Type::or_none:
            if (value.is_object()) walk(*shape.item, constraint, value, at, visit);
            return;
        case Type::list:
            if (!value.is_array()) return;
            for (std::size_t i = 0; i < value.get_array().size(); ++i)
                walk(*shape.item, constraint, value.get_array()[i], Place(at, i), visit);
            return;
        case Type::map:
            if (!value.is_object()) return;
            for (auto const& kv : value.get_object()) walk(*shape.item, constraint, kv.value(), Place(at, kv.key()), visit);
            return;
        default:
            return;
    }
}

void walk(Schema const& schema, json::object const& object, Place const& at, Visit const& visit) {
    for (auto const& f : schema.fields)
        if (auto const* value = object.if_contains(f.name)) walk(f.shape, f.constraint, *value, Place(at, f.name), visit);
}

}  // namespace

std::vector<Reference> references_at(Schema const& schema, json::object const& value) {
    std::vector<Reference> out;
    walk(schema, value, Place(""), [&](Constraint const& constraint, std::string_view key, Place const& at) {
        out.push_back({at.str(), {std::string(constraint.refers_to), std::string(key)}, key == constraint.may_lack});
    });
    return out;
}

std::set<Ref> references(Schema const& schema, json::object const& value) {
    std::set<Ref> out;
    walk(schema, value, Place(""), [&](Constraint const& constraint, std::string_view key, Place const&) {
        out.insert({std::string(constraint.refers_to), std::string(key)});
    });
    return out;
}

}  // namespace genesis
