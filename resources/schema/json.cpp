// JSON in, with duplicate keys refused (Boost.JSON would keep the last), and pretty JSON out.
#include "resources/schema/document.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace genesis {
namespace {

// Boost.JSON's event parser drives this; it does nothing but watch the keys of each open object.
struct KeyWatch {
    static constexpr std::size_t max_object_size = document_values;
    static constexpr std::size_t max_array_size = document_values;
    static constexpr std::size_t max_key_size = 4096;
    static constexpr std::size_t max_string_size = 1 << 24;

    std::vector<std::set<std::string, std::less<>>> open;
    std::string key;
    std::optional<std::string> duplicate;
    std::size_t values = 0;

    bool count(json::error_code& ec) {
        if (++values <= document_values) return true;
        ec = json::error::array_too_large;
        return false;
    }
    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code& ec) {
        open.emplace_back();
        return count(ec);
    }
    bool on_object_end(std::size_t, json::error_code&) {
        open.pop_back();
        return true;
    }
    bool on_array_begin(json::error_code& ec) { return count(ec); }
    bool on_array_end(std::size_t, json::error_code&) { return true; }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        key.append(part);
        return true;
    }
    bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
        key.append(part);
        if (!open.back().insert(key).second) {
            duplicate = key;
            ec = json::error::syntax;
            return false;
        }
        key.clear();
        return true;
    }
    bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
    bool on_string(json::string_view, std::size_t, json::error_code& ec) { return count(ec); }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, json::error_code& ec) { return count(ec); }
    bool on_uint64(std::uint64_t, json::string_view, json::error_code& ec) { return count(ec); }
    bool on_double(double number, json::string_view, json::error_code& ec) {
        if (std::isfinite(number)) return count(ec);
        ec = json::error::exponent_overflow;  // infinity has no JSON to be printed as
        return false;
    }
    bool on_bool(bool, json::error_code& ec) { return count(ec); }
    bool on_null(json::error_code& ec) { return count(ec); }
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
    json::basic_parser<KeyWatch> watch(bounded());
    json::error_code error;
    auto const read = watch.write_some(false, text.data(), text.size(), error);
    if (watch.handler().duplicate)
        return malformed("the key " + visible(json::serialize(*watch.handler().duplicate)) + " is there twice");
    if (!error && read < text.size() && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
        error = json::error::extra_data;
    if (error) return malformed("is not JSON: " + error.message() + " at byte " + std::to_string(read));
    auto value = json::parse(text, error, {}, bounded());
    if (error) return malformed("is not JSON: " + error.message());
    if (holds_noncharacter(value)) return malformed("holds a code point that is no character");
    return value;
}

std::string pretty(json::value const& value) {
    std::string out;
    print(value, out, "");
    return out;
}

}  // namespace genesis
