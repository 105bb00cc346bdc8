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
    static Shape shape() { return {.form = Form::boolean}; }
    static json::value put(bool v) { return v; }
    static bool get(json::value const& j) { return j.as_bool(); }
};
template <>
struct Codec<std::int64_t> {
    static Shape shape() { return {.form = Form::integer}; }
    static json::value put(std::int64_t v) { return v; }
    static std::int64_t get(json::value const& j) { return j.to_number<std::int64_t>(); }
};
template <>
struct Codec<std::string> {
    static Shape shape() { return {.form = Form::text, .text = &rules::line}; }
    static json::value put(std::string const& v) { return json::string(v); }
    static std::string get(json::value const& j) { return std::string(j.as_string()); }
};
template <TextRule const& R>
struct Codec<Text<R>> {
    static Shape shape() { return {.form = Form::text, .text = &R}; }
    static json::value put(Text<R> const& v) { return json::string(v.str()); }
    static Text<R> get(json::value const& j) { return Text<R>::checked(std::string_view(j.as_string())); }
};
template <>
struct Codec<Secret> {
    static Shape shape() { return {.form = Form::secret, .secrets = true}; }
    static json::value put(Secret const& v) { return json::string(v.reveal()); }
    static Secret get(json::value const& j) { return Secret(std::string(j.as_string())); }
};
template <Chosen E>
struct Codec<E> {
    static Shape shape() {
        Shape s{.form = Form::choice};
        for (auto const& [e, word] : Choices<E>::words) s.choices.push_back(word);
        return s;
    }
    static json::value put(E v) { return json::string(word_of(v)); }
    static E get(json::value const& j) {
        for (auto const& [e, word] : Choices<E>::words)
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
    static json::value put(std::optional<T> const& v) { return v ? Codec<T>::put(*v) : json::value(nullptr); }
    static std::optional<T> get(json::value const& j) {
        if (j.is_null()) return std::nullopt;
        return Codec<T>::get(j);
    }
};
template <class T>
struct Codec<std::vector<T>> {
    static Shape shape() {
        static Shape const item = Codec<T>::shape();
        return {.form = Form::list, .item = &item, .secrets = item.secrets};
    }
    static json::value put(std::vector<T> const& v) {
        json::array out;
        out.reserve(v.size());
        for (auto const& x : v) out.push_back(Codec<T>::put(x));
        return out;
    }
    static std::vector<T> get(json::value const& j) {
        std::vector<T> out;
        out.reserve(j.as_array().size());
        for (auto const& x : j.as_array()) out.push_back(Codec<T>::get(x));
        return out;
    }
};
template <class T>
struct Codec<std::map<std::string, T>> {
    static Shape shape() {
        static Shape const item = Codec<T>::shape();
        return {.form = Form::map, .item = &item, .secrets = item.secrets};
    }
    static json::value put(std::map<std::string, T> const& v) {
        json::object out;
        for (auto const& [k, x] : v) out[k] = Codec<T>::put(x);
        return out;
    }
    static std::map<std::string, T> get(json::value const& j) {
        std::map<std::string, T> out;
        for (auto const& kv : j.as_object()) out.emplace(kv.key(), Codec<T>::get(kv.value()));
        return out;
    }
};
template <class T>
struct Codec<OrNone<T>> {
    static Shape shape() {
        static Shape const item = Codec<T>::shape();
        return {.form = Form::or_none, .item = &item, .secrets = item.secrets};
    }
    static json::value put(OrNone<T> const& v) { return v ? Codec<T>::put(*v) : json::value("none"); }
    static OrNone<T> get(json::value const& j) {
        if (j.is_string()) return {};
        return {Codec<T>::get(j)};
    }
};
template <Described V>
struct Codec<V> {
    static Shape shape() {
        auto const& fields = schema_of<V>().fields;
        return {.form = Form::record,
                .record = &schema_of<V>(),
                .secrets = std::any_of(fields.begin(), fields.end(), [](auto const& f) { return f.shape.secrets; })};
    }
    static json::value put(V const& v) { return encode(v); }
    // An absent field keeps the default of V. Precondition: check() found nothing.
    static V get(json::value const& j) {
        V v{};
        auto const& o = j.as_object();
        each_field<V>([&]<class T>(Field<V, T> const& f) {
            if (auto const* x = o.if_contains(f.name); x && !x->is_null()) v.*(f.at) = Codec<T>::get(*x);
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
            auto marks = shape.form == Form::secret ? f.marks | Mark::secret : f.marks;
            s.fields.push_back({f.name, f.doc, std::move(shape), marks, f.rule, Codec<T>::put(defaults.*(f.at))});
        });
        return s;
    }();
    return schema;
}

// Absent optionals are left out, so that what was written is what comes back.
template <Described V>
json::object encode(V const& value) {
    json::object out;
    each_field<V>([&]<class T>(Field<V, T> const& f) {
        auto j = Codec<T>::put(value.*(f.at));
        if (!j.is_null()) out[f.name] = std::move(j);
    });
    return out;
}

// Strict: every problem at its pointer, or the value.
template <Described V>
Checked<V> decode(json::value const& input) {
    if (auto problems = check(schema_of<V>(), input); !problems.empty()) return Refused{std::move(problems)};
    return Codec<V>::get(input);
}

// For JSON that this program encoded itself, where the alphabets were checked already.
template <Described V>
V restore(json::object const& trusted) {
    return Codec<V>::get(trusted);
}

}  // namespace genesis
