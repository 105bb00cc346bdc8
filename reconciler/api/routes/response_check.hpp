// For tests: checks an answer against the OpenAPI document for its route and status.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <set>

namespace genesis {

// Validates against the part of JSON Schema 2020-12 that the document uses. An unknown keyword is a finding, so that
// nothing passes unchecked, and so is an undescribed member, though JSON Schema itself would accept it.
class ResponseCheck {
public:
    explicit ResponseCheck(json::object document = openapi()) : document_(std::move(document)) {}

    // Empty if the answer conforms; otherwise what does not, and where.
    std::string find(std::string_view method, std::string_view target, int status, std::string_view type,
                     json::value const& body) const {
        auto const* schema = described(method, target, status, type);
        if (schema == nullptr) return std::to_string(status) + " in " + std::string(type) + " is not described";
        if (auto why = fits(*schema, body, ""); !why.empty()) return why;
        return status < 400 || body.at("status") == status ? "" : "/status: another one than the answer's";
    }
    // The schema of the body of such an answer, or null. `type` may have parameters. Without a matching route only a
    // problem is possible.
    json::object const* described(std::string_view method, std::string_view target, int status,
                                  std::string_view type) const {
        type = type.substr(0, type.find(';'));
        auto const* operation = operation_of(method, target.substr(0, target.find('?')));
        if (operation == nullptr)
            return status >= 400 && type == "application/problem+json" ? &component("/problem") : nullptr;
        auto const& responses = operation->at("responses").as_object();
        auto const* response = responses.if_contains(std::to_string(status));
        if (response == nullptr && status >= 400) response = responses.if_contains("default");
        if (response == nullptr) return nullptr;
        auto const* media = response->at("content").as_object().if_contains(type);
        return media != nullptr ? &media->at("schema").as_object() : nullptr;
    }

private:
    using Parts = std::vector<std::string_view>;
    static Parts parts_of(std::string_view path) {
        Parts out;
        for (std::size_t from = 0; from <= path.size();) {
            auto const end = std::min(path.find('/', from), path.size());
            out.push_back(path.substr(from, end - from));
            from = end + 1;
        }
        return out;
    }
    static bool same_path(Parts const& pattern, Parts const& path) {
        return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                          [](auto a, auto b) { return a == b || a.starts_with('{'); });
    }
    json::object const* operation_of(std::string_view method, std::string_view path) const {
        std::string lower(method);
        for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        for (auto const& known : document_.at("paths").as_object())
            if (same_path(parts_of(known.key()), parts_of(path)))
                if (auto const* operation = known.value().as_object().if_contains(lower))
                    return &operation->as_object();
        return nullptr;
    }
    json::object const& component(std::string_view ref) const {
        return document_.at("components").at("schemas").at(ref.substr(ref.rfind('/') + 1)).as_object();
    }

    static bool of_type(std::string_view type, json::value const& v) {
        if (type == "object") return v.is_object();
        if (type == "array") return v.is_array();
        if (type == "string") return v.is_string();
        if (type == "boolean") return v.is_bool();
        if (type == "integer") return v.is_int64() || v.is_uint64();
        return type == "null" && v.is_null();
    }
    static bool of_types(json::value const& types, json::value const& v) {
        if (types.is_string()) return of_type(types.as_string(), v);
        return std::any_of(types.as_array().begin(), types.as_array().end(),
                           [&](auto const& t) { return of_type(t.as_string(), v); });
    }
    static bool number_or_text_fits(std::string_view key, json::value const& rule, json::value const& v) {
        if (key == "pattern")
            return !v.is_string() || RE2::PartialMatch(v.as_string().c_str(), rule.as_string().c_str());
        auto const bound = rule.to_number<std::int64_t>();
        if (key == "minimum") return !v.is_number() || v.to_number<std::int64_t>() >= bound;
        if (key == "maximum") return !v.is_number() || v.to_number<std::int64_t>() <= bound;
        auto const size = static_cast<std::int64_t>(v.is_string() ? v.as_string().size() : 0);
        auto const count = static_cast<std::int64_t>(v.is_array() ? v.as_array().size() : 0);
        if (key == "minLength") return !v.is_string() || size >= bound;
        if (key == "maxLength") return size <= bound;
        if (key == "maxProperties") return !v.is_object() || static_cast<std::int64_t>(v.as_object().size()) <= bound;
        return key != "maxItems" || count <= bound;
    }

    std::string fits(json::object const& schema, json::value const& v, std::string const& at) const {
        for (auto const& rule : schema)
            if (auto why = fits_rule(schema, rule.key(), rule.value(), v, at); !why.empty()) return why;
        return {};
    }
    std::string fits_rule(json::object const& schema, std::string_view key, json::value const& rule,
                          json::value const& v, std::string const& at) const {
        auto const unless = [&](bool fine) { return fine ? std::string() : at + ": " + std::string(key); };
        static std::set<std::string_view> const notes{"description", "title", "default", "writeOnly",
                                                      "readOnly",    "$id",   "x-kind"};
        static std::set<std::string_view> const plain{"pattern",   "minimum",  "maximum",      "minLength",
                                                      "maxLength", "maxItems", "maxProperties"};
        if (notes.contains(key)) return {};
        if (plain.contains(key)) return unless(number_or_text_fits(key, rule, v));
        if (key == "$ref") return fits(component(rule.as_string()), v, at);
        if (key == "type") return unless(of_types(rule, v));
        if (key == "const") return unless(rule == v);
        if (key == "enum")
            return unless(std::find(rule.as_array().begin(), rule.as_array().end(), v) != rule.as_array().end());
        if (key == "oneOf") return unless(matching(rule.as_array(), v, at) == 1);
        if (key == "anyOf") return unless(matching(rule.as_array(), v, at) >= 1);
        if (key == "required") return required(rule.as_array(), v, at);
        if (key == "properties") return properties(schema, rule.as_object(), v, at);
        if (key == "items") return items(rule.as_object(), v, at);
        if (key == "propertyNames") return names(rule.as_object(), v, at);
        if (key == "additionalProperties") return additional(schema, rule, v, at);
        return at + ": this check does not know the keyword " + std::string(key);
    }
    std::ptrdiff_t matching(json::array const& schemas, json::value const& v, std::string const& at) const {
        return std::count_if(schemas.begin(), schemas.end(),
                             [&](auto const& s) { return fits(s.as_object(), v, at).empty(); });
    }
    static std::string required(json::array const& all, json::value const& v, std::string const& at) {
        if (!v.is_object()) return {};
        for (auto const& name : all)
            if (!v.as_object().contains(name.as_string()))
                return at + "/" + std::string(name.as_string()) + ": missing";
        return {};
    }
    std::string properties(json::object const& schema, json::object const& all, json::value const& v,
                           std::string const& at) const {
        if (!v.is_object()) return {};
        for (auto const& member : v.as_object()) {
            auto const where = at + "/" + std::string(member.key());
            auto const* known = all.if_contains(member.key());
            if (known == nullptr && !all.empty() && !schema.contains("additionalProperties"))
                return where + ": not described";
            if (known == nullptr) continue;
            if (auto why = fits(known->as_object(), member.value(), where); !why.empty()) return why;
        }
        return {};
    }
    std::string items(json::object const& schema, json::value const& v, std::string const& at) const {
        if (!v.is_array()) return {};
        for (auto const& item : v.as_array())
            if (auto why = fits(schema, item, at + "/*"); !why.empty()) return why;
        return {};
    }
    std::string names(json::object const& schema, json::value const& v, std::string const& at) const {
        if (!v.is_object()) return {};
        for (auto const& kv : v.as_object())
            if (auto why = fits(schema, json::value(kv.key()), at + "/" + std::string(kv.key())); !why.empty())
                return why;
        return {};
    }
    std::string additional(json::object const& schema, json::value const& rule, json::value const& v,
                           std::string const& at) const {
        if (!v.is_object()) return {};
        auto const* known = schema.if_contains("properties");
        for (auto const& kv : v.as_object()) {
            if (known != nullptr && known->as_object().contains(kv.key())) continue;
            auto const where = at + "/" + std::string(kv.key());
            if (rule.is_bool() && !rule.as_bool()) return where + ": not described";
            if (rule.is_object())
                if (auto why = fits(rule.as_object(), kv.value(), where); !why.empty()) return why;
        }
        return {};
    }
    json::object const document_;
};

}  // namespace genesis
