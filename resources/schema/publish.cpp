// Turns a description into what is published: JSON Schema (2020-12) and the pages of the manual.
#include "resources/schema/schema.hpp"

#include <set>

namespace genesis {
namespace {

json::object schema_of_record(Schema const& schema);

json::object of_text(TextRule const& constraint) {
    return {{"type", "string"},
            {"pattern", "^(?:" + std::string(constraint.pattern) + ")$"},
            {"minLength", constraint.min},
            {"maxLength", constraint.max}};
}

json::object of_shape(Shape const& shape, Constraint const& constraint) {
    switch (shape.type) {
        case Type::boolean:
            return {{"type", "boolean"}};
        case Type::integer: {
            json::object out{{"type", "integer"}};
            if (constraint.min != Constraint{}.min) out["minimum"] = constraint.min;
            if (constraint.max != Constraint{}.max) out["maximum"] = constraint.max;
            return out;
        }
        case Type::text:
            return of_text(*shape.text);
        case Type::secret: {
            json::object out{{"type", "string"}, {"writeOnly", true}};
            if (constraint.text != nullptr)  // what answers show of it may be sent back: unchanged
                out["anyOf"] = json::array{json::object{{"const", redacted}}, of_text(*constraint.text)};
            return out;
        }
        case Type::choice: {
            json::array words;
            for (auto w : shape.choices) words.push_back(json::value(w));
            return {{"type", "string"}, {"enum", std::move(words)}};
        }
        case Type::record:
            return schema_of_record(*shape.record);
        case Type::or_none:
            return {{"oneOf", json::array{json::object{{"const", "none"}}, of_shape(*shape.item, constraint)}}};
        case Type::list:
            return {{"type", "array"}, {"maxItems", constraint.most}, {"items", of_shape(*shape.item, {})}};
        case Type::map: {
            json::object out{{"type", "object"}, {"maxProperties", constraint.most}};
            if (constraint.keys != nullptr) out["propertyNames"] = of_text(*constraint.keys);
            out["additionalProperties"] = of_shape(*shape.item, {});
            return out;
        }
    }
    return {};
}

// An optional text may also be given as "", which means "not given".
json::object of_field(FieldInfo const& f) {
    auto out = of_shape(f.shape, f.constraint);
    bool needed = has(f.attributes, Attribute::required) || has(f.attributes, Attribute::key);
    if (!needed && f.shape.type == Type::text && f.shape.text->min > 0)
        out = {{"anyOf", json::array{json::object{{"const", ""}}, std::move(out)}}};
    out["description"] = f.doc;
    if (!needed && !f.shape.optional && f.shape.type != Type::secret) out["default"] = f.fallback;
    return out;
}

json::object schema_of_record(Schema const& schema) {
    json::object properties;
    json::array required;
    for (auto const& f : schema.fields) {
        if (has(f.attributes, Attribute::reported)) continue;
        properties[f.name] = of_field(f);
        if (has(f.attributes, Attribute::required) || has(f.attributes, Attribute::key)) required.push_back(json::value(f.name));
    }
    json::object out{{"type", "object"}, {"description", schema.doc}, {"additionalProperties", false}};
    out["properties"] = std::move(properties);
    if (!required.empty()) out["required"] = std::move(required);
    return out;
}

std::string type_words(Shape const& shape, Constraint const& constraint) {
    auto range = [&] {
        if (constraint.min == Constraint{}.min && constraint.max == Constraint{}.max) return std::string();
        return ", " + std::to_string(constraint.min) + " to " + std::to_string(constraint.max);
    };
    switch (shape.type) {
        case Type::boolean:
            return "true or false";
        case Type::integer:
            return "whole number" + range();
        case Type::text:
            return std::string(shape.text->name);
        case Type::secret:
            return "secret" + (constraint.text != nullptr ? " " + std::string(constraint.text->name) : "");
        case Type::choice: {
            std::string out;
            for (auto w : shape.choices) out += (out.empty() ? "`" : ", `") + std::string(w) + "`";
            return out;
        }
        case Type::record:
            return "mapping";
        case Type::or_none:
            return "`none`, or " + type_words(*shape.item, constraint);
        case Type::list:
            return "list of " + type_words(*shape.item, {});
        case Type::map:
            return "mapping of " + (constraint.keys != nullptr ? std::string(constraint.keys->name) : "text") + " to " +
                   type_words(*shape.item, {});
    }
    return {};
}

Schema const* nested(Shape const& shape) {
    if (shape.type == Type::record) return shape.record;
    return shape.item != nullptr ? nested(*shape.item) : nullptr;
}

std::string escape_cell(std::string_view text) {
    std::string out;
    for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
}

void rows(Schema const& schema, std::string const& prefix, std::string& out) {
    for (auto const& f : schema.fields) {
        bool needed = has(f.attributes, Attribute::required) || has(f.attributes, Attribute::key);
        std::string fallback = needed ? "required" : "";
        if (!needed && !f.shape.optional && !f.fallback.is_null() && f.fallback != "" && f.shape.type != Type::record &&
            f.shape.type != Type::secret)
            fallback = "`" + json::serialize(f.fallback) + "`";
        if (has(f.attributes, Attribute::reported)) fallback = "reported";
        out += "| `" + prefix + std::string(f.name) + "` | " + escape_cell(type_words(f.shape, f.constraint)) + " | " +
               escape_cell(fallback) + " | " + escape_cell(f.doc) + " |\n";
        if (auto const* inner = nested(f.shape)) {
            auto mark = f.shape.type == Type::list ? "[]." : ".";
            rows(*inner, prefix + std::string(f.name) + mark, out);
        }
    }
}

void collect_rules(Schema const& schema, std::set<TextRule const*>& out) {
    for (auto const& f : schema.fields) {
        for (auto const* shape = &f.shape; shape != nullptr; shape = shape->item)
            if (shape->text != nullptr) out.insert(shape->text);
        if (f.constraint.text != nullptr) out.insert(f.constraint.text);
        if (f.constraint.keys != nullptr) out.insert(f.constraint.keys);
        if (auto const* inner = nested(f.shape)) collect_rules(*inner, out);
    }
}

}  // namespace

json::object json_schema(Schema const& schema) {
    json::object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", schema.kind}};
    for (auto& kv : schema_of_record(schema)) out[kv.key()] = kv.value();
    return out;
}

std::string markdown(Schema const& schema) {
    std::string out = "## " + std::string(schema.kind) + "\n\n" + std::string(schema.doc) +
                      "\n\n| field | type | default | meaning |\n|---|---|---|---|\n";
    rows(schema, "", out);
    std::set<TextRule const*> rules;
    collect_rules(schema, rules);
    std::set<std::string> lines;
    for (auto const* r : rules)
        lines.insert("- **" + std::string(r->name) + "**: " + std::string(r->says) + " (" + std::to_string(r->min) +
                     " to " + std::to_string(r->max) + " bytes; `" + std::string(r->pattern) + "`)\n");
    out += "\n";
    for (auto const& l : lines) out += l;
    return out;
}

}  // namespace genesis
