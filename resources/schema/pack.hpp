// From a typed record to the text that is kept of it, without the parsed form between them.
#pragma once
#include "resources/schema/codec.hpp"
#include "resources/schema/packed.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <type_traits>

namespace genesis {
namespace packing {

// What boost::json::serialize() makes of the text.
inline void put(std::string& out, std::string_view text) {
    auto const is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), is_plain))
        out.append(1, '"').append(text).append(1, '"');
    else
        out += json::serialize(json::string(text));
}
inline void put(std::string& out, std::int64_t number) {
    std::array<char, 20> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
void put_value(std::string& out, T const& value) {
    if constexpr (std::is_same_v<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        put(out, value);
    } else if constexpr (std::is_same_v<T, Secret>) {
        put(out, value.reveal());
    } else if constexpr (Chosen<T>) {
        put(out, word_of(value));
    } else if constexpr (std::is_convertible_v<T const&, std::string_view>) {
        put(out, std::string_view(value));
    } else if constexpr (is_vector<T>) {
        static_assert(!is_optional<typename T::value_type>, "only a field of a record may be absent");
        char before = '[';
        for (auto const& item : value) out += before, put_value(out, item), before = ',';
        out += value.empty() ? "[]" : "]";
    } else if constexpr (Described<T>) {
        char before = '{';
        each_field<T>([&]<class F>(Field<T, F> const& field) {
            if constexpr (is_optional<F>)
                if (!(value.*(field.at)).has_value()) return;
            out += before;
            out.append(1, '"').append(field.name).append("\":");
            put_value(out, value.*(field.at));
            before = ',';
        });
        out += before == '{' ? "{}" : "}";
    } else if constexpr (is_optional<T>) {
        put_value(out, *value);  // an absent one is left out
    } else {
        out += json::serialize(Codec<T>::to_json(value));
    }
}

}  // namespace packing

// Packed(encode(value)).
template <Described V>
Packed pack(V const& value) {
    std::string out;
    out.reserve(256);
    packing::put_value(out, value);
    return Packed::of_text(std::move(out));
}

// key_of() of encode(value).
template <Described V>
std::string key_text(V const& value) {
    std::string out;
    each_field<V>([&]<class T>(Field<V, T> const& field) {
        if constexpr (std::is_convertible_v<T const&, std::string_view>)
            if (has(field.attributes, Attribute::key)) out = std::string_view(value.*(field.at));
        if constexpr (Chosen<T>)
            if (has(field.attributes, Attribute::key)) out = word_of(value.*(field.at));
    });
    return out;
}

}  // namespace genesis
