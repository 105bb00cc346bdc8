// JSON in, with duplicate keys refused (Boost.JSON would keep the last), and pretty JSON out.
#include "resources/schema/document.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace genesis {
namespace {

// Boost.JSON's event parser drives this: it builds the value, and looks at the keys of each object as it closes.
struct Builder {
    static constexpr std::size_t max_object_size = document_values;
    static constexpr std::size_t max_array_size = document_values;
    static constexpr std::size_t max_key_size = 4096;
    static constexpr std::size_t max_string_size = 1 << 24;

    json::value_stack built;
    std::vector<std::string> keys;  // of every open object, the innermost one's last
    std::vector<std::size_t> open;  // where in `keys` those of each open object begin
    std::string key;
    std::optional<std::string> duplicate;
    std::size_t values = 0;

    bool count(json::error_code& ec) {
        if (++values <= document_values) return true;
        ec = json::error::array_too_large;
        return false;
    }
    bool on_document_begin(json::error_code&) {
        built.reset();
        return true;
    }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code& ec) {
        open.push_back(keys.size());
        return count(ec);
    }
    bool on_object_end(std::size_t size, json::error_code& ec) {
        auto const first = keys.begin() + static_cast<std::ptrdiff_t>(open.back());
        std::sort(first, keys.end());
        if (auto const twice = std::adjacent_find(first, keys.end()); twice != keys.end()) {
            duplicate = *twice;
            ec = json::error::syntax;
            return false;
        }
        keys.erase(first, keys.end());
        open.pop_back();
        built.push_object(size);
        return true;
    }
    bool on_array_begin(json::error_code& ec) { return count(ec); }
    bool on_array_end(std::size_t size, json::error_code&) {
        built.push_array(size);
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        key.append(part);
        built.push_chars(part);
        return true;
    }
    bool on_key(json::string_view part, std::size_t, json::error_code&) {
        key.append(part);
        keys.push_back(key);
        key.clear();
        built.push_key(part);
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
        built.push_chars(part);
        return true;
    }
    bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
        built.push_string(part);
        return count(ec);
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t number, json::string_view, json::error_code& ec) {
        built.push_int64(number);
        return count(ec);
    }
    bool on_uint64(std::uint64_t number, json::string_view, json::error_code& ec) {
        built.push_uint64(number);
        return count(ec);
    }
    bool on_double(double number, json::string_view, json::error_code& ec) {
        built.push_double(number);
        if (std::isfinite(number)) return count(ec);
        ec = json::error::exponent_overflow;  // infinity has no JSON to be printed as
        return false;
    }
    bool on_bool(bool truth, json::error_code& ec) {
        built.push_bool(truth);
        return count(ec);
    }
    bool on_null(json::error_code& ec) {
        built.push_null();
        return count(ec);
    }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }
};

json::parse_options bounded() {
    json::parse_options options;
    options.max_depth = document_depth;
    return options;
}

// U+FDD0 to U+FDEF and the last two of every plane. Precondition: UTF-8.
bool holds_noncharacter(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = [&](std::size_t n) {
            return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0U;
        };
        if (byte(0) < 0xef) continue;
        if (byte(0) == 0xef && byte(1) == 0xb7 && byte(2) >= 0x90 && byte(2) <= 0xaf) return true;
        if (byte(0) == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe) return true;
        if (byte(0) > 0xef && (byte(1) & 0x0fU) == 0x0f && byte(2) == 0xbf && byte(3) >= 0xbe) return true;
    }
    return false;
}

bool holds_noncharacter(json::value const& value) {
    if (auto const* text = value.if_string()) return holds_noncharacter(std::string_view(*text));
    if (auto const* array = value.if_array())
        return std::any_of(array->begin(), array->end(), [](auto const& item) { return holds_noncharacter(item); });
    if (auto const* object = value.if_object())
        return std::any_of(object->begin(), object->end(), [](auto const& kv) {
            return holds_noncharacter(std::string_view(kv.key())) || holds_noncharacter(kv.value());
        });
    return false;
}

Refused malformed(std::string text) { return Refused{{{"", "malformed", std::move(text)}}}; }

void print(json::value const& value, std::string& out, std::string const& indent) {
    auto const inner = indent + "  ";
    if (auto const* object = value.if_object(); object != nullptr && !object->empty()) {
        out += "{\n";
        for (std::size_t i = 0; auto const& kv : *object) {
            out += inner + json::serialize(kv.key()) + ": ";
            print(kv.value(), out, inner);
            out += ++i < object->size() ? ",\n" : "\n";
        }
        out += indent + "}";
    } else if (auto const* array = value.if_array(); array != nullptr && !array->empty()) {
        out += "[\n";
        for (std::size_t i = 0; auto const& item : *array) {
            out += inner;
            print(item, out, inner);
            out += ++i < array->size() ? ",\n" : "\n";
        }
        out += indent + "]";
    } else {
        out += json::serialize(value);
    }
}

}  // namespace

Checked<json::value> parse_json(std::string_view text) {
    json::basic_parser<Builder> parser(bounded());
    json::error_code error;
    auto const read = parser.write_some(false, text.data(), text.size(), error);
    auto& builder = parser.handler();
    if (builder.duplicate)
        return malformed("the key " + visible(json::serialize(*builder.duplicate)) + " is there twice");
    if (!error && read < text.size() && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
        error = json::error::extra_data;
    if (error) return malformed("is not JSON: " + error.message() + " at byte " + std::to_string(read));
    auto value = builder.built.release();
    if (holds_noncharacter(value)) return malformed("holds a code point that is no character");
    return value;
}

std::string pretty(json::value const& value) {
    std::string out;
    print(value, out, "");
    return out;
}

}  // namespace genesis
