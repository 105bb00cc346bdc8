// Between typed values and JSON: the compiler folds over the description, nothing is listed twice.
#pragma once
#include "resources/schema/schema.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace genesis {

// A record, or the word "none": php: none.
template <class T>
struct OrNone {
    std::optional<T> value;
    explicit operator bool() const { return value.has_value(); }
    T const* operator->() const { return &*value; }
    T const& operator*() const { return *value; }
};

template <Described V>
Schema const& schema_of();
template <Described V>
json::object encode(V const& value);

template <class T>
struct Codec;

template <>
struct Codec<bool> {
    static Shape shape() { return {.type = Type::boolean}; }
    static json::value to_json(bool v) { return v; }
    static bool from_json(json::value const& j) { return j.as_bool(); }
};
template <>
struct Codec<std::int64_t> {
    static Shape shape() { return {.type = Type::integer}; }
    static json::value to_json(std::int64_t v) { return v; }
    static std::int64_t from_json(json::value const& j) { return j.to_number<std::int64_t>(); }
};
template <>
struct Codec<std::string> {
    static Shape shape() { return {.type = Type::text, .text = &rules::line}; }
    static json::value to_json(std::string const& v) { return json::string(v); }
    static std::string from_json(json::value const& j) { return std::string(j.as_string()); }
};
template <TextRule const& R>
struct Codec<Text<R>> {
    static Shape shape() { return {.type = Type::text, .text = &R}; }
    static json::value to_json(Text<R> const& v) { return json::string(v.str()); }
    static Text<R> from_json(json::value const& j) { return Text<R>::checked(std::string_view(j.as_string())); }
};
template <>
struct Codec<Secret> {
    static Shape shape() { return {.type = Type::secret, .secrets = true}; }
    static json::value to_json(Secret const& v) { return json::string(v.reveal()); }
    static Secret from_json(json::value const& j) { return Secret(std::string(j.as_string())); }
};
template <Chosen E>
struct Codec<E> {
    static Shape shape() {
        Shape s{.type = Type::choice};
        for (auto const& [e, word] : EnumNames<E>::names) s.choices.push_back(word);
        return s;
    }
    static json::value to_json(E v) { return json::string(word_of(v)); }
    static E from_json(json::value const& j) {
        for (auto const& [e, word] : EnumNames<E>::names)
            if (word == std::string_view(j.as_string())) return e;
        throw std::invalid_argument("not one of the choices");
    }
};
template <class T>
struct Codec<std::optional<T>> {
    static Shape shape() {
        auto s = Codec<T>::shape();
        s.optional = true;
        return s;
    }
    static json::value to_json(std::optional<T> const& v) { return v ? Codec<T>::to_json(*v) : json::value(nullptr); }
    static std::optional<T> from_json(json::value const& j) {
        if (j.is_null()) return std::nullopt;
        return Codec<T>::from_json(j);
    }
};
template <class T>
struct Codec<std::vector<T>> {
    static Shape shape() {
        static Shape const item = Codec<T>::shape();
        return {.type = Type::list, .item = &item, .secrets = item.secrets};
    }
    static json::value to_json(std::vector<T> const& v) {
        json::array out;
        out.reserve(v.size());
        for (auto const& x : v) out.push_back(Codec<T>::to_json(x));
        return out;
    }
    static std::vector<T> from_json(json::value const& j) {
        std::vector<T> out;
        out.reserve(j.as_array().size());
        for (auto const& x : j.as_array()) out.push_back(Codec<T>::from_json(x));
        return out;
    }
};
template <class T>
struct Codec<std::map<std::string, T>> {
    static Shape shape() {
        static Shape const item = Codec<T>::shape();
        return {.type = Type::map, .item = &item, .secrets = item.secrets};
    }
    static json::value to_json(std::map<std::string, T> const& v) {
        json::object out;
        for (auto const& [k, x] : v) out[k] = Codec<T>::to_json(x);
        return out;
    }
    static std::map<std::string, T> from_json(json::value const& j) {
        std::map<std::string, T> out;
        for (auto const& kv : j.as_object()) out.emplace(kv.key(), Codec<T>::from_json(kv.value()));
        return out;
    }
};
template <class T>
struct Codec<OrNone<T>> {
    static Shape shape() {
        static Shape const item = Codec<T>::shape();
        return {.type = Type::or_none, .item = &item, .secrets = item.secrets};
    }
    static json::value to_json(OrNone<T> const& v) { return v ? Codec<T>::to_json(*v) : json::value("none"); }
    static OrNone<T> from_json(json::value const& j) {
        if (j.is_string()) return {};
        return {Codec<T>::from_json(j)};
    }
};
template <Described V>
struct Codec<V> {
    static Shape shape() {
        auto const& fields = schema_of<V>().fields;
        return {.type = Type::record,
                .record = &schema_of<V>(),
                .secrets = std::any_of(fields.begin(), fields.end(), [](auto const& f) { return f.shape.secrets; })};
    }
    static json::value to_json(V const& v) { return encode(v); }
    // An absent field keeps the default of V. Precondition: check() found nothing.
    static V from_json(json::value const& j) {
        V v{};
        auto const& o = j.as_object();
        each_field<V>([&]<class T>(Field<V, T> const& f) {
            if (auto const* x = o.if_contains(f.name); x && !x->is_null()) v.*(f.at) = Codec<T>::from_json(*x);
        });
        return v;
    }
};

template <Described V>
Schema const& schema_of() {
    static Schema const schema = [] {
        Schema s{.kind = Describe<V>::kind, .doc = Describe<V>::doc, .fields = {}};
        V const defaults{};
        each_field<V>([&]<class T>(Field<V, T> const& f) {
            auto shape = Codec<T>::shape();
            auto attributes = shape.type == Type::secret ? f.attributes | Attribute::secret : f.attributes;
            s.fields.push_back(
                {f.name, f.doc, std::move(shape), attributes, f.constraint, Codec<T>::to_json(defaults.*(f.at))});
        });
        return s;
    }();
    return schema;
}

// Absent optionals are left out, so that what was written is what comes back.
template <Described V>
json::object encode(V const& value) {
    json::object out;
    out.reserve(std::tuple_size_v<std::remove_cvref_t<decltype(Describe<V>::fields)>>);
    each_field<V>([&]<class T>(Field<V, T> const& f) {
        auto j = Codec<T>::to_json(value.*(f.at));
        if (!j.is_null()) out[f.name] = std::move(j);
    });
    return out;
}

// Strict: every problem at its pointer, or the value.
template <Described V>
Checked<V> decode(json::value const& input) {
    if (auto problems = check(schema_of<V>(), input); !problems.empty()) return Refused{std::move(problems)};
    return Codec<V>::from_json(input);
}

// For JSON that this program encoded itself, where the alphabets were checked already.
template <Described V>
V decode_trusted(json::object const& trusted) {
    return Codec<V>::from_json(trusted);
}

}  // namespace genesis
