// Compares a wanted value with one that was seen, field by field, secrets redacted.
#include "resources/schema/schema.hpp"

#include <algorithm>
#include <map>

namespace genesis {
namespace {

class Differ {
public:
    std::vector<Change> changes;

    void record(Schema const& schema, json::object const& want, json::object const& have, std::string const& at) {
        for (auto const& f : schema.fields) {
            if (has(f.attributes, Attribute::reported) || has(f.attributes, Attribute::write_only)) continue;
            auto const& w = or_default(f, want);
            auto const& h = or_default(f, have);
            if (w != h) field(f.shape, f.attributes, w, h, pointer(at, f.name));
        }
    }

private:
    static json::value const& or_default(FieldInfo const& f, json::object const& in) {
        auto const* v = in.if_contains(f.name);
        return v != nullptr ? *v : f.fallback;
    }

    void field(Shape const& shape, Attribute attributes, json::value const& want, json::value const& have,
               std::string const& at) {
        bool keyed =
            shape.type == Type::list && shape.item->type == Type::record && shape.item->record->key() != nullptr;
        if (keyed && want.is_array() && have.is_array())
            list(*shape.item->record, attributes, want.get_array(), have.get_array(), at);
        else if (shape.type == Type::map && want.is_object() && have.is_object())
            map(*shape.item, attributes, want.get_object(), have.get_object(), at);
        else if (shape.type == Type::record && want.is_object() && have.is_object())
            record(*shape.record, want.get_object(), have.get_object(), at);
        else if (shape.type == Type::or_none && want.is_object() && have.is_object())
            field(*shape.item, attributes, want, have, at);
        else
            say(shape, attributes, &want, &have, at);
    }

    void list(Schema const& item, Attribute attributes, json::array const& want, json::array const& have, std::string const& at) {
        auto wanted = by_key(item, want), seen = by_key(item, have);
        Shape const shape{.type = Type::record, .record = &item};
        for (auto const& [key, w] : wanted) {
            auto h = seen.find(key);
            if (h == seen.end())
                say(shape, attributes, w, nullptr, pointer(at, key));
            else
                record(item, w->as_object(), h->second->as_object(), pointer(at, key));
        }
        for (auto const& [key, h] : seen)
            if (!wanted.contains(key)) say(shape, attributes, nullptr, h, pointer(at, key));
    }

    void map(Shape const& item, Attribute attributes, json::object const& want, json::object const& have, std::string const& at) {
        for (auto const& kv : want) {
            auto const* h = have.if_contains(kv.key());
            if (h == nullptr)
                say(item, attributes, &kv.value(), nullptr, pointer(at, kv.key()));
            else if (*h != kv.value())
                field(item, attributes, kv.value(), *h, pointer(at, kv.key()));
        }
        for (auto const& kv : have)
            if (!want.contains(kv.key())) say(item, attributes, nullptr, &kv.value(), pointer(at, kv.key()));
    }

    static std::map<std::string, json::value const*> by_key(Schema const& item, json::array const& list) {
        std::map<std::string, json::value const*> out;
        for (auto const& v : list) out.emplace(key_of(item, v.as_object()), &v);
        return out;
    }

    void say(Shape const& shape, Attribute attributes, json::value const* want, json::value const* have, std::string const& at) {
        changes.push_back({at, shown(shape, have), shown(shape, want), attributes});
    }

    static json::value shown(Shape const& shape, json::value const* value) {
        if (value == nullptr || value->is_null()) return nullptr;
        if (shape.type == Type::secret) return json::value(redacted);
        if (shape.type == Type::record && value->is_object()) return redact(*shape.record, value->get_object());
        if (shape.type == Type::or_none && value->is_object()) return shown(*shape.item, value);
        if (shape.type == Type::list) {
            json::array out;
            for (auto const& item : value->as_array()) out.push_back(shown(*shape.item, &item));
            return out;
        }
        return *value;
    }
};

}  // namespace

std::vector<Change> diff(Schema const& schema, json::object const& want, json::object const& have) {
    Differ differ;
    differ.record(schema, want, have, "");
    return std::move(differ.changes);
}

json::array describe(std::vector<Change> const& changes) {
    json::array out;
    out.reserve(changes.size());
    for (auto const& c : changes) out.push_back(json::object{{"path", c.path}, {"from", c.from}, {"to", c.to}});
    return out;
}

}  // namespace genesis
