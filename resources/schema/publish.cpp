// Turns a description into what is published: JSON Schema (2020-12) and the pages of the manual.
#include "resources/schema/schema.hpp"

#include <set>

namespace genesis {
namespace {

json::object schema_of_record(Schema const& schema);

json::object of_text(TextRule const& rule) {
    return {{"type", "string"},
            {"pattern", "^(?:" + std::string(rule.pattern) + ")$"},
            {"minLength", rule.min},
            {"maxLength", rule.max}};
}

json::object of_shape(Shape const& shape, Rule const& rule) {
    switch (shape.form) {
        case Form::boolean:
            return {{"type", "boolean"}};
        case Form::integer: {
            json::object out{{"type", "integer"}};
            if (rule.min != Rule{}.min) out["minimum"] = rule.min;
            if (rule.max != Rule{}.max) out["maximum"] = rule.max;
            return out;
        }
        case Form::text:
            return of_text(*shape.text);
        case Form::secret: {
            json::object out{{"type", "string"}, {"writeOnly", true}};
            if (rule.text != nullptr)  // what answers show of it may be sent back: unchanged
                out["anyOf"] = json::array{json::object{{"const", redacted}}, of_text(*rule.text)};
            return out;
        }
        case Form::choice: {
            json::array words;
            for (auto w : shape.choices) words.push_back(json::value(w));
            return {{"type", "string"}, {"enum", std::move(words)}};
        }
        case Form::record:
            return schema_of_record(*shape.record);
        case Form::or_none:
            return {{"oneOf", json::array{json::object{{"const", "none"}}, of_shape(*shape.item, rule)}}};
        case Form::list:
            return {{"type", "array"}, {"maxItems", rule.most}, {"items", of_shape(*shape.item, {})}};
        case Form::map: {
            json::object out{{"type", "object"}, {"maxProperties", rule.most}};
            if (rule.keys != nullptr) out["propertyNames"] = of_text(*rule.keys);
            out["additionalProperties"] = of_shape(*shape.item, {});
            return out;
        }
    }
    return {};
}

// An optional text may also be given as "", which means "not given".
json::object of_field(FieldInfo const& f) {
    auto out = of_shape(f.shape, f.rule);
    bool needed = has(f.marks, Mark::required) || has(f.marks, Mark::key);
    if (!needed && f.shape.form == Form::text && f.shape.text->min > 0)
        out = {{"anyOf", json::array{json::object{{"const", ""}}, std::move(out)}}};
    out["description"] = f.doc;
    if (!needed && !f.shape.optional && f.shape.form != Form::secret) out["default"] = f.fallback;
    return out;
}

json::object schema_of_record(Schema const& schema) {
    json::object properties;
    json::array required;
    for (auto const& f : schema.fields) {
        if (has(f.marks, Mark::reported)) continue;
        properties[f.name] = of_field(f);
        if (has(f.marks, Mark::required) || has(f.marks, Mark::key)) required.push_back(json::value(f.name));
    }
    json::object out{{"type", "object"}, {"description", schema.doc}, {"additionalProperties", false}};
    out["properties"] = std::move(properties);
    if (!required.empty()) out["required"] = std::move(required);
    return out;
}

std::string type_words(Shape const& shape, Rule const& rule) {
    auto range = [&] {
        if (rule.min == Rule{}.min && rule.max == Rule{}.max) return std::string();
        return ", " + std::to_string(rule.min) + " to " + std::to_string(rule.max);
    };
    switch (shape.form) {
        case Form::boolean:
            return "true or false";
        case Form::integer:
            return "whole number" + range();
        case Form::text:
            return std::string(shape.text->name);
        case Form::secret:
            return "secret" + (rule.text != nullptr ? " " + std::string(rule.text->name) : "");
        case Form::choice: {
            std::string out;
            for (auto w : shape.choices) out += (out.empty() ? "`" : ", `") + std::string(w) + "`";
            return out;
        }
        case Form::record:
            return "mapping";
        case Form::or_none:
            return "`none`, or " + type_words(*shape.item, rule);
        case Form::list:
            return "list of " + type_words(*shape.item, {});
        case Form::map:
            return "mapping of " + (rule.keys != nullptr ? std::string(rule.keys->name) : "text") + " to " +
                   type_words(*shape.item, {});
    }
    return {};
}

Schema const* nested(Shape const& shape) {
    if (shape.form == Form::record) return shape.record;
    return shape.item != nullptr ? nested(*shape.item) : nullptr;
}

std::string escape_cell(std::string_view text) {
    std::string out;
    for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
}

void rows(Schema const& schema, std::string const& prefix, std::string& out) {
    for (auto const& f : schema.fields) {
        bool needed = has(f.marks, Mark::required) || has(f.marks, Mark::key);
        std::string fallback = needed ? "required" : "";
        if (!needed && !f.shape.optional && !f.fallback.is_null() && f.fallback != "" && f.shape.form != Form::record &&
            f.shape.form != Form::secret)
            fallback = "`" + json::serialize(f.fallback) + "`";
        if (has(f.marks, Mark::reported)) fallback = "reported";
        out += "| `" + prefix + std::string(f.name) + "` | " + escape_cell(type_words(f.shape, f.rule)) + " | " +
               escape_cell(fallback) + " | " + escape_cell(f.doc) + " |\n";
        if (auto const* inner = nested(f.shape)) {
            auto mark = f.shape.form == Form::list ? "[]." : ".";
            rows(*inner, prefix + std::string(f.name) + mark, out);
        }
    }
}

void collect_rules(Schema const& schema, std::set<TextRule const*>& out) {
    for (auto const& f : schema.fields) {
        for (auto const* shape = &f.shape; shape != nullptr; shape = shape->item)
            if (shape->text != nullptr) out.insert(shape->text);
        if (f.rule.text != nullptr) out.insert(f.rule.text);
        if (f.rule.keys != nullptr) out.insert(f.rule.keys);
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
