// Readers of a description: what is wrong with a value, what is missing, what it refers to, what is secret.
#include "resources/schema/schema.hpp"

#include "resources/schema/place.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace genesis {
namespace {

std::string_view word(Type type) {
    switch (type) {
        case Type::boolean:
            return "true or false";
        case Type::integer:
            return "a whole number";
        case Type::text:
        case Type::choice:
        case Type::secret:
            return "text";
        case Type::record:
        case Type::map:
            return "a mapping";
        case Type::list:
            return "a list";
        case Type::or_none:
            return "a mapping, or none";
    }
    return {};
}

bool of_type(Type type, json::value const& v) {
    switch (type) {
        case Type::boolean:
            return v.is_bool();
        case Type::integer:
            return v.is_int64() || (v.is_uint64() && v.as_uint64() <= INT64_MAX);
        case Type::text:
        case Type::choice:
        case Type::secret:
            return v.is_string();
        case Type::record:
        case Type::map:
            return v.is_object();
        case Type::list:
            return v.is_array();
        case Type::or_none:
            return v.is_object() || (v.is_string() && v.as_string() == "none");
    }
    return false;
}

std::string join(std::vector<std::string_view> const& words) {
    std::string out;
    for (auto w : words) out += (out.empty() ? "" : ", ") + std::string(w);
    return out;
}

class Checker {
public:
    explicit Checker(Problems& problems) : problems_(problems) {}

    void record(Schema const& schema, json::object const& object, Place const& at) {
        for (auto const& kv : object)
            if (schema.find(kv.key()) == nullptr) unknown(schema, kv.key(), at);
        for (auto const& f : schema.fields) {
            auto const* given = object.if_contains(f.name);
            Place const path(at, f.name);
            if (given != nullptr && has(f.attributes, Attribute::reported)) {
                say(path, "unknown_field", "is reported by the server and cannot be set");
            } else if (given == nullptr || given->is_null()) {
                if (has(f.attributes, Attribute::required) || has(f.attributes, Attribute::key))
                    say(path, "required", "must be given");
                if (given != nullptr && !f.shape.optional) say(path, "wrong_type", "must not be null; leave it out");
            } else {
                field(f, *given, path);
            }
        }
    }

private:
    void field(FieldInfo const& f, json::value const& value, Place const& path) {
        bool needed = has(f.attributes, Attribute::required) || has(f.attributes, Attribute::key);
        if (!needed && f.shape.type == Type::text && value.is_string() && value.get_string().empty()) return;
        shaped(f.shape, f.constraint, value, path);
    }

    void shaped(Shape const& shape, Constraint const& constraint, json::value const& value, Place const& path) {
        if (!of_type(shape.type, value)) return say(path, "wrong_type", "must be " + std::string(word(shape.type)));
        switch (shape.type) {
            case Type::boolean:
                return;
            case Type::integer:
                return integer(constraint, value.to_number<std::int64_t>(), path);
            case Type::text:
                return text(*shape.text, value.get_string(), path);
            case Type::secret:
                if (value.get_string() != redacted && constraint.text != nullptr)
                    text(*constraint.text, value.get_string(), path);
                return;
            case Type::choice:
                return choice(shape, value.get_string(), path);
            case Type::record:
                return record(*shape.record, value.get_object(), path);
            case Type::or_none:
                if (value.is_object()) shaped(*shape.item, constraint, value, path);
                return;
            case Type::list:
                return list(shape, constraint, value.get_array(), path);
            case Type::map:
                return map(shape, constraint, value.get_object(), path);
        }
    }

    void integer(Constraint const& constraint, std::int64_t value, Place const& path) {
        if (value < constraint.min || value > constraint.max)
            say(path, "out_of_range",
                "must be " + std::to_string(constraint.min) + " to " + std::to_string(constraint.max));
    }
    void text(TextRule const& constraint, std::string_view value, Place const& path) {
        if (auto why = refuse(constraint, value)) say(path, "invalid", *why);
    }
    void choice(Shape const& shape, std::string_view value, Place const& path) {
        if (std::find(shape.choices.begin(), shape.choices.end(), value) == shape.choices.end())
            say(path, "invalid", "must be one of: " + join(shape.choices));
    }
    void list(Shape const& shape, Constraint const& constraint, json::array const& items, Place const& path) {
        if (items.size() > constraint.most)
            return say(path, "too_many", "must have at most " + std::to_string(constraint.most) + " items");
        std::map<std::string, std::size_t> seen;
        for (std::size_t i = 0; i < items.size(); ++i) {
            Place const at(path, i);
            shaped(*shape.item, {}, items[i], at);
            unique(shape, items[i], i, at, seen);
        }
    }
    void unique(Shape const& shape, json::value const& item, std::size_t i, Place const& at,
                std::map<std::string, std::size_t>& seen) {
        std::string id;
        if (shape.item->type == Type::record && item.is_object()) {
            auto const* key = shape.item->record->key();
            auto const* v = key != nullptr ? item.get_object().if_contains(key->name) : nullptr;
            if (v == nullptr || !v->is_string()) return;
            id = v->get_string();
        } else if (item.is_string()) {
            id = item.get_string();
        } else {
            return;
        }
        auto [it, fresh] = seen.emplace(id, i);
        if (!fresh) say(at, "duplicate", "is the same as item " + std::to_string(it->second));
    }
    void map(Shape const& shape, Constraint const& constraint, json::object const& object, Place const& path) {
        if (object.size() > constraint.most)
            return say(path, "too_many", "must have at most " + std::to_string(constraint.most) + " entries");
        for (auto const& kv : object) {
            Place const at(path, kv.key());
            if (constraint.keys != nullptr) text(*constraint.keys, kv.key(), at);
            shaped(*shape.item, {}, kv.value(), at);
        }
    }
    void unknown(Schema const& schema, std::string_view name, Place const& at) {
        std::vector<std::string_view> known;
        for (auto const& f : schema.fields)
            if (!has(f.attributes, Attribute::reported)) known.push_back(f.name);
        say(Place(at, name), "unknown_field", "is not a field here; there are: " + join(known));
    }
    void say(Place const& path, std::string_view code, std::string text) {
        if (problems_.size() < most_problems) problems_.push_back({path.str(), std::string(code), std::move(text)});
    }
    Problems& problems_;
};

// An optional text may be given as "", which means "not given".
bool is_left_out(Shape const& shape, json::value const& given) {
    auto const* text = shape.optional && shape.type == Type::text ? given.if_string() : nullptr;
    return given.is_null() || (text != nullptr && text->empty());
}

json::value complete_shape(Shape const& shape, json::value value) {
    switch (shape.type) {
        case Type::record:
            return complete(*shape.record, std::move(value.as_object()));
        case Type::or_none:
            if (value.is_object()) return complete_shape(*shape.item, std::move(value));
            return value;
        case Type::list:
            for (auto& item : value.as_array()) item = complete_shape(*shape.item, std::move(item));
            return value;
        case Type::map:
            for (auto& kv : value.as_object()) kv.value() = complete_shape(*shape.item, std::move(kv.value()));
            return value;
        default:
            return value;
    }
}

using SecretVisit = std::function<void(std::string const&, json::value&, json::value const*)>;

json::value const* member(json::value const* of, std::string_view name) {
    return of != nullptr && of->is_object() ? of->get_object().if_contains(name) : nullptr;
}

// The item of `former` that `item` continues: by key where records have one, else by position.
json::value const* counterpart(Shape const& item_shape, json::value const& item, std::size_t i,
                               json::value const* former) {
    if (former == nullptr || !former->is_array()) return nullptr;
    auto const& before = former->get_array();
    auto const* key = item_shape.type == Type::record ? item_shape.record->key() : nullptr;
    if (key == nullptr) return i < before.size() ? &before[i] : nullptr;
    auto const* id = member(&item, key->name);
    for (auto const& b : before)
        if (auto const* other = member(&b, key->name); other != nullptr && id != nullptr && *other == *id) return &b;
    return nullptr;
}

void secrets_of(Schema const& schema, json::object& object, json::value const* former, Place const& at,
                SecretVisit const& visit);

void secrets_of(Shape const& shape, json::value& value, json::value const* former, Place const& at,
                SecretVisit const& visit) {
    switch (shape.type) {
        case Type::secret:
            if (value.is_string() || value.is_null()) visit(at.str(), value, former);
            return;
        case Type::record:
            if (value.is_object()) secrets_of(*shape.record, value.get_object(), former, at, visit);
            return;
        case Type::or_none:
            if (value.is_object()) secrets_of(*shape.item, value, former, at, visit);
            return;
        case Type::list:
            if (!value.is_array()) return;
            for (std::size_t i = 0; i < value.get_array().size(); ++i) {
                auto& item = value.get_array()[i];
                secrets_of(*shape.item, item, counterpart(*shape.item, item, i, former), Place(at, i), visit);
            }
            return;
        case Type::map:
            if (!value.is_object()) return;
            for (auto& kv : value.get_object())
                secrets_of(*shape.item, kv.value(), member(former, kv.key()), Place(at, kv.key()), visit);
            return;
        default:
            return;
    }
}

void secret_of(FieldInfo const& f, json::object& object, json::value const* former, Place const& at,
               SecretVisit const& visit) {
    auto* value = object.if_contains(f.name);
    if (value == nullptr && has(f.attributes, Attribute::generated)) value = &object[f.name];  // null: to be made up
    if (value == nullptr) return;
    secrets_of(f.shape, *value, former, at, visit);
    if (value->is_null()) object.erase(f.name);
}

void secrets_of(Schema const& schema, json::object& object, json::value const* former, Place const& at,
                SecretVisit const& visit) {
    for (auto const& f : schema.fields)
        if (f.shape.secrets) secret_of(f, object, member(former, f.name), Place(at, f.name), visit);
}

}  // namespace

void throw_exception_from_error(Refused const& refused, boost::source_location const&) {
    auto const& first = refused.problems.front();
    throw std::invalid_argument(first.path + " " + first.text);
}

FieldInfo const* Schema::find(std::string_view name) const {
    auto it = std::find_if(fields.begin(), fields.end(), [&](auto const& f) { return f.name == name; });
    return it == fields.end() ? nullptr : &*it;
}

FieldInfo const* Schema::key() const {
    auto it =
        std::find_if(fields.begin(), fields.end(), [](auto const& f) { return has(f.attributes, Attribute::key); });
    return it == fields.end() ? nullptr : &*it;
}

std::string pointer(std::string_view parent, std::string_view segment) {
    std::string out(parent);
    out += '/';
    for (char c : visible(segment)) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

Problems check(Schema const& schema, json::value const& value) {
    if (!value.is_object()) return {{"", "wrong_type", "must be a mapping"}};
    return check(schema, value.get_object());
}

Problems check(Schema const& schema, json::object const& value) {
    Problems problems;
    Checker(problems).record(schema, value, Place(""));
    return problems;
}

json::object complete(Schema const& schema, json::object value) {
    for (auto const& f : schema.fields) {
        if (has(f.attributes, Attribute::reported)) continue;
        auto* given = value.if_contains(f.name);
        if (given != nullptr && is_left_out(f.shape, *given)) value.erase(f.name), given = nullptr;
        if (given != nullptr)
            *given = complete_shape(f.shape, std::move(*given));
        else if (!f.fallback.is_null() && f.shape.type != Type::secret)
            value[f.name] = f.fallback;
    }
    return value;
}

void each_secret(Schema const& schema, json::object& value,
                 std::function<void(std::string const&, json::value&)> const& visit) {
    each_secret_with_former(schema, value, nullptr, [&](auto const& at, json::value& secret, json::value const*) {
        if (secret.is_string()) visit(at, secret);
    });
}

void each_secret_with_former(Schema const& schema, json::object& value, json::object const* before,
                             SecretVisit const& visit) {
    Place const root("");
    for (auto const& f : schema.fields)
        if (f.shape.secrets)
            secret_of(f, value, before != nullptr ? before->if_contains(f.name) : nullptr, Place(root, f.name), visit);
}

json::object redact(Schema const& schema, json::object value) {
    each_secret(schema, value, [](auto const&, json::value& secret) {
        if (!secret.get_string().empty()) secret = json::value(redacted);
    });
    return value;
}

std::string key_of(Schema const& schema, json::object const& value) {
    auto const* key = schema.key();
    auto const* v = key != nullptr ? value.if_contains(key->name) : nullptr;
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

}  // namespace genesis
