// The one description of a kind: data beside the value type that the compiler can fold over.
#pragma once
#include "resources/schema/text.hpp"

#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

namespace genesis {

enum class Attribute : unsigned {
    none = 0,
    key = 1,          // names the record among its kind or in its list; text, never changes
    required = 2,     // must be given
    fixed = 4,        // a change means remove and create
    secret = 8,       // never printed; a Secret field always has it
    reported = 16,    // observed only: not part of desired state, never compared
    write_only = 32,  // given to the driver, cannot be read back, never compared
    generated = 64    // a secret that is made up when it is left out, and then stays
};
constexpr Attribute operator|(Attribute a, Attribute b) { return Attribute(unsigned(a) | unsigned(b)); }
constexpr bool has(Attribute set, Attribute one) { return (unsigned(set) & unsigned(one)) != 0; }

struct Constraint {
    std::int64_t min = std::numeric_limits<std::int64_t>::min();  // integers
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
    std::size_t most = 1000;         // items of a list or a map
    TextRule const* keys = nullptr;  // what a map's keys are
    TextRule const* text = nullptr;  // what a Secret's bytes are
    std::string_view refers_to{};    // the kind whose key this text is: the edge of the graph
    std::string_view may_lack{};     // the one key of that kind that is good even where there is no such thing
};

template <class V, class T>
struct Field {
    std::string_view name;
    T V::*at;
    std::string_view doc;
    Attribute attributes;
    Constraint constraint;
};

template <class V, class T>
constexpr Field<V, T> field(std::string_view name, T V::*at, std::string_view doc, Attribute attributes = Attribute::none,
                            Constraint constraint = {}) {
    return {name, at, doc, attributes, constraint};
}

template <class V>
struct Describe;  // specialised beside each value type: kind, doc, fields

template <class V>
concept Described = requires {
    Describe<V>::kind;
    Describe<V>::doc;
    Describe<V>::fields;
};

// An enum that a spec spells in words: static constexpr std::array<std::pair<E, std::string_view>, N> words.
template <class E>
struct EnumNames;
template <class E>
concept Chosen = requires {
    EnumNames<E>::names;
};

template <Chosen E>
constexpr std::string_view word_of(E value) {
    for (auto const& [e, word] : EnumNames<E>::names)
        if (e == value) return word;
    return {};
}

template <class V, class F>
constexpr void each_field(F&& visit) {
    std::apply([&](auto const&... f) { (visit(f), ...); }, Describe<V>::fields);
}

}  // namespace genesis
