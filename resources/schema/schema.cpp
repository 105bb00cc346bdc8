// Readers of a description: what is wrong with a value, what is missing, what it refers to, what is secret.
#include "resources/schema/schema.hpp"

#include "resources/schema/place.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace genesis {
namespace {

std::string_view word(Form form) {
    switch (form) {
        case Form::boolean:
            return "true or false";
        case Form::integer:
            return "a whole number";
        case Form::text:
        case Form::choice:
        case Form::secret:
            return "text";
        case Form::record:
        case Form::map:
            return "a mapping";
        case Form::list:
            return "a list";
        case Form::or_none:
            return "a mapping, or none";
    }
    return {};
}

bool of_form(Form form, json::value const& v) {
    switch (form) {
        case Form::boolean:
            return v.is_bool();
        case Form::integer:
            return v.is_int64() || (v.is_uint64() && v.as_uint64() <= INT64_MAX);
        case Form::text:
        case Form::choice:
        case Form::secret:
            return v.is_string();
        case Form::record:
        case Form::map:
            return v.is_object();
        case Form::list:
            return v.is_array();
        case Form::or_none:
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
            if (given != nullptr && has(f.marks, Mark::reported)) {
                say(path, "unknown_field", "is reported by the server and cannot be set");
            } else if (given == nullptr || given->is_null()) {
                if (has(f.marks, Mark::required) || has(f.marks, Mark::key)) say(path, "required", "must be given");
                if (given != nullptr && !f.shape.optional) say(path, "wrong_type", "must not be null; leave it out");
            } else {
                field(f, *given, path);
            }
        }
    }

private:
    void field(FieldInfo const& f, json::value const& value, Place const& path) {
        bool needed = has(f.marks, Mark::required) || has(f.marks, Mark::key);
        if (!needed && f.shape.form == Form::text && value.is_string() && value.get_string().empty()) return;
        shaped(f.shape, f.rule, value, path);
    }

    void shaped(Shape const& shape, Rule const& rule, json::value const& value, Place const& path) {
        if (!of_form(shape.form, value)) return say(path, "wrong_type", "must be " + std::string(word(shape.form)));
        switch (shape.form) {
            case Form::boolean:
                return;
            case Form::integer:
                return integer(rule, value.to_number<std::int64_t>(), path);
            case Form::text:
                return text(*shape.text, value.get_string(), path);
            case Form::secret:
                if (value.get_string() != redacted && rule.text != nullptr) text(*rule.text, value.get_string(), path);
                return;
            case Form::choice:
                return choice(shape, value.get_string(), path);
            case Form::record:
                return record(*shape.record, value.get_object(), path);
            case Form::or_none:
                if (value.is_object()) shaped(*shape.item, rule, value, path);
                return;
            case Form::list:
                return list(shape, rule, value.get_array(), path);
            case Form::map:
                return map(shape, rule, value.get_object(), path);
        }
    }

    void integer(Rule const& rule, std::int64_t value, Place const& path) {
        if (value < rule.min || value > rule.max)
            say(path, "out_of_range", "must be " + std::to_string(rule.min) + " to " + std::to_string(rule.max));
    }
    void text(TextRule const& rule, std::string_view value, Place const& path) {
        if (auto why = refuse(rule, value)) say(path, "invalid", *why);
    }
    void choice(Shape const& shape, std::string_view value, Place const& path) {
        if (std::find(shape.choices.begin(), shape.choices.end(), value) == shape.choices.end())
            say(path, "invalid", "must be one of: " + join(shape.choices));
    }
    void list(Shape const& shape, Rule const& rule, json::array const& items, Place const& path) {
        if (items.size() > rule.most)
            return say(path, "too_many", "must have at most " + std::to_string(rule.most) + " items");
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
        if (shape.item->form == Form::record && item.is_object()) {
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
    void map(Shape const& shape, Rule const& rule, json::object const& object, Place const& path) {
        if (object.size() > rule.most)
            return say(path, "too_many", "must have at most " + std::to_string(rule.most) + " entries");
        for (auto const& kv : object) {
            Place const at(path, kv.key());
            if (rule.keys != nullptr) text(*rule.keys, kv.key(), at);
            shaped(*shape.item, {}, kv.value(), at);
        }
    }
    void unknown(Schema const& schema, std::string_view name, Place const& at) {
        std::vector<std::string_view> known;
        for (auto const& f : schema.fields)
            if (!has(f.marks, Mark::reported)) known.push_back(f.name);
        say(Place(at, name), "unknown_field", "is not a field here; there are: " + join(known));
    }
    void say(Place const& path, std::string_view code, std::string text) {
        if (problems_.size() < most_problems) problems_.push_back({path.str(), std::string(code), std::move(text)});
    }
    Problems& problems_;
};

// An optional text may be given as "", which means "not given".
bool is_left_out(Shape const& shape, json::value const& given) {
    auto const* text = shape.optional && shape.form == Form::text ? given.if_string() : nullptr;
    return given.is_null() || (text != nullptr && text->empty());
}

json::value complete_shape(Shape const& shape, json::value value) {
    switch (shape.form) {
        case Form::record:
            return complete(*shape.record, std::move(value.as_object()));
        case Form::or_none:
            if (value.is_object()) return complete_shape(*shape.item, std::move(value));
            return value;
        case Form::list:
            for (auto& item : value.as_array()) item = complete_shape(*shape.item, std::move(item));
            return value;
        case Form::map:
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
    auto const* key = item_shape.form == Form::record ? item_shape.record->key() : nullptr;
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
    switch (shape.form) {
        case Form::secret:
            if (value.is_string() || value.is_null()) visit(at.str(), value, former);
            return;
        case Form::record:
            if (value.is_object()) secrets_of(*shape.record, value.get_object(), former, at, visit);
            return;
        case Form::or_none:
            if (value.is_object()) secrets_of(*shape.item, value, former, at, visit);
            return;
        case Form::list:
            if (!value.is_array()) return;
            for (std::size_t i = 0; i < value.get_array().size(); ++i) {
                auto& item = value.get_array()[i];
                secrets_of(*shape.item, item, counterpart(*shape.item, item, i, former), Place(at, i), visit);
            }
            return;
        case Form::map:
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
    if (value == nullptr && has(f.marks, Mark::generated)) value = &object[f.name];  // null: to be made up
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
    auto it = std::find_if(fields.begin(), fields.end(), [](auto const& f) { return has(f.marks, Mark::key); });
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
        if (has(f.marks, Mark::reported)) continue;
        auto* given = value.if_contains(f.name);
        if (given != nullptr && is_left_out(f.shape, *given)) value.erase(f.name), given = nullptr;
        if (given != nullptr)
            *given = complete_shape(f.shape, std::move(*given));
        else if (!f.fallback.is_null() && f.shape.form != Form::secret)
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

// FNV-1a, 64 bits (draft-eastlake-fnv).
std::string fingerprint(json::object const& value) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (unsigned char const byte : json::serialize(value)) hash = (hash ^ byte) * 0x100000001b3;
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out(16, '0');
    for (auto it = out.rbegin(); it != out.rend(); ++it, hash >>= 4) *it = digits[hash & 15];
    return out;
}

std::string key_of(Schema const& schema, json::object const& value) {
    auto const* key = schema.key();
    auto const* v = key != nullptr ? value.if_contains(key->name) : nullptr;
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

}  // namespace genesis
