// The routes and kinds as OpenAPI 3.1. The document is committed under specs/ and compared by a test.
#include "reconciler/api/routes/key_request.hpp"
#include "reconciler/api/routes/routes.hpp"
#include "resources/status.hpp"

#include <algorithm>
#include <cctype>

namespace genesis {
namespace {

json::object text() { return {{"type", "string"}}; }
json::object integer() { return {{"type", "integer"}}; }
json::object boolean() { return {{"type", "boolean"}}; }
json::object list_of(json::object items) { return {{"type", "array"}, {"items", std::move(items)}}; }
json::object map_of(json::object values) { return {{"type", "object"}, {"additionalProperties", std::move(values)}}; }
json::object anything() { return json::object(); }
json::object ref_to(std::string_view component) { return {{"$ref", "#/components/schemas/" + std::string(component)}}; }

json::object object_of(std::initializer_list<std::pair<std::string_view, json::object>> properties) {
    json::object inner;
    json::array names;
    for (auto const& [name, schema] : properties) {
        inner[name] = schema;
        names.push_back(json::string(name));
    }
    return {{"type", "object"}, {"properties", std::move(inner)}, {"required", std::move(names)}};
}

json::object step(std::initializer_list<std::string_view> texts) {
    json::object properties{{"changes", list_of(ref_to("change"))}};
    for (auto const& name : texts) properties[name] = text();
    return {{"type", "object"}, {"properties", std::move(properties)}};
}

// A kind's own schema without what only a document of its own needs.
json::object component(Schema const& schema) {
    auto out = json_schema(schema);
    out.erase("$schema");
    return out;
}

json::object text_or_null() { return {{"type", json::array{"string", "null"}}}; }

void add_access(json::object& schemas) {
    auto key = object_of({{"kid", text()},
                          {"version", integer()},
                          {"scopes", list_of(text())},
                          {"cidrs", list_of(text())},
                          {"comment", text()},
                          {"created", text()},
                          {"not_before", text_or_null()},
                          {"expires", text_or_null()},
                          {"revoked", text_or_null()}});
    schemas["key"] = key;
    key["properties"].as_object()["secret"] = json::object{
        {"type", "string"}, {"pattern", "^[0-9a-f]{64}$"}, {"description", "The 32 bytes of the signing key, in hex."}};
    key["required"].as_array().push_back("secret");
    schemas["new_key"] = std::move(key);
    schemas["keys"] = object_of({{"items", list_of(ref_to("key"))}});
    schemas["revoked_key"] = object_of({{"kid", text()}, {"result", text()}});
    schemas["key_request"] = component(schema_of<KeyRequest>());
    schemas["key_rotation"] = component(schema_of<KeyRotation>());
    schemas["audit"] = object_of({{"items", list_of(object_of({{"id", integer()},
                                                               {"at", text()},
                                                               {"who", text()},
                                                               {"from", text()},
                                                               {"request", text()},
                                                               {"action", text()},
                                                               {"object", text()},
                                                               {"generation", integer()},
                                                               {"changes", list_of(ref_to("change"))}}))}});
}

void add_shared(json::object& schemas) {
    schemas["problem"] =
        object_of({{"type", text()},
                   {"title", text()},
                   {"status", integer()},
                   {"code", text()},
                   {"detail", text()},
                   {"problems", list_of(object_of({{"path", text()}, {"code", text()}, {"text", text()}}))}});
    schemas["problem"].as_object()["properties"].as_object()["oldest"] =
        json::object{{"type", "integer"}, {"description", "With events_pruned: the lowest seq that is kept."}};
    schemas["empty"] = object_of({});
    schemas["named"] = object_of({{"kind", text()}, {"name", text()}, {"generation", integer()}});
    schemas["written"] = object_of({{"kind", text()}, {"name", text()}, {"generation", integer()}, {"result", text()}});
    schemas["change"] = object_of({{"path", text()}, {"from", anything()}, {"to", anything()}});
    schemas["plan"] =
        object_of({{"steps", list_of(step({"verb", "kind", "key", "object", "cause"}))},
                   {"holds", list_of(step({"verb", "kind", "key", "object", "cause", "reason", "message"}))},
                   {"commits", list_of(text())},
                   {"observed_at", text()},
                   {"unreachable", map_of(text())}});
    auto difference = step({"object", "kind", "key", "verb", "cause", "since", "reason", "message"});
    difference["properties"].as_object()["changes"] =
        list_of(object_of({{"path", text()}, {"want", anything()}, {"have", anything()}}));
    schemas["drift"] = object_of({{"items", list_of(std::move(difference))}, {"unreachable", map_of(text())}});
    auto line = step({"at", "object", "kind", "key", "verb", "cause", "outcome", "why", "request"});
    line["properties"].as_object()["id"] = integer();
    schemas["history"] = object_of({{"items", list_of(std::move(line))}});
    schemas["credentials"] = object_of({{"credentials", list_of(object_of({{"label", text()}, {"secret", text()}}))}});
    schemas["event"] = object_of({{"seq", integer()},
                                  {"at", text()},
                                  {"type", text()},
                                  {"object", text()},
                                  {"generation", integer()},
                                  {"request", text()},
                                  {"why", text()}});
    schemas["info"] = object_of({{"node", text()},
                                 {"audience", text()},
                                 {"version", text()},
                                 {"socket", text()},
                                 {"all_paused", json::object{{"type", "boolean"},
                                                             {"description",
                                                              "The whole server is paused: everything is observed, "
                                                              "nothing is changed."}}},
                                 {"listen", list_of(text())},
                                 {"spec_problems", list_of(text())}});
    schemas["probe"] = object_of({{"status", text()}});
    schemas["openapi"] = object_of({});
    schemas["status"] = component(schema_of<Status>());
}

void add_kind(json::object& schemas, ObjectKind const& kind) {
    std::string const name(kind.schema->kind);
    schemas[name] = component(*kind.schema);
    schemas[name + "_object"] = object_of({{"kind", json::object{{"const", name}}},
                                           {"name", text()},
                                           {"generation", integer()},
                                           {"source", text()},
                                           {"request", text()},
                                           {"paused", boolean()},
                                           {"terminating", json::object{{"type", json::array{"string", "null"}}}},
                                           {"spec", ref_to(name)},
                                           {"status", ref_to("status")}});
    schemas[name + "_list"] = object_of({{"items", list_of(ref_to(name + "_object"))}, {"next", text()}});
}

std::string replaced(std::string_view in, std::string_view what, std::string_view by) {
    std::string out(in);
    if (auto const at = out.find(what); at != std::string::npos) out.replace(at, what.size(), by);
    return out;
}

// "ip_pool" → "IpPool"
std::string camel(std::string_view word) {
    std::string out;
    bool up = true;
    for (char const c : word) {
        if (c != '_') out += up ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        up = c == '_';
    }
    return out;
}

json::object schema_of_parameter(Parameter const& p) {
    if (p.type == Parameter::boolean) return boolean();
    if (p.type == Parameter::name) return text();
    json::object out{{"type", "integer"}, {"minimum", p.min}};
    if (p.max != INT64_MAX) out["maximum"] = p.max;
    return out;
}

json::object header(std::string_view name, std::string_view doc) {
    return {{"name", name}, {"in", "header"}, {"required", false}, {"description", doc}, {"schema", text()}};
}

json::array parameters_of(Route const& route, ObjectKind const* kind) {
    json::array out;
    if (route.path.find("{name}") != std::string_view::npos) {
        json::object schema{{"type", "string"}, {"pattern", "^[a-z0-9-]{4,32}$"}};  // a key id
        if (kind != nullptr)
            schema = component(*kind->schema)["properties"].as_object()[kind->schema->key()->name].as_object();
        out.push_back({{"name", "name"}, {"in", "path"}, {"required", true}, {"schema", schema}});
    }
    for (auto const& p : route.parameters)
        out.push_back({{"name", p.key},
                       {"in", "query"},
                       {"required", false},
                       {"description", p.doc},
                       {"schema", schema_of_parameter(p)}});
    if (route.answer == "event")
        out.push_back(header("Last-Event-ID", "The last seq that was received; takes precedence over `after`."));
    if (route.conditional) out.push_back(header("If-Match", "The generation, in quotes, that must be the stored one."));
    if (route.spec) out.push_back(header("If-None-Match", "*: only if it does not exist yet."));
    return out;
}

json::object content(json::object schema, char const* type = "application/json") {
    return {{type, json::object{{"schema", std::move(schema)}}}};
}

json::object operation(Route const& route, ObjectKind const* kind) {
    std::string const name = kind != nullptr ? std::string(kind->schema->kind) : std::string();
    json::object out{{"operationId", replaced(route.id, "{Kind}", camel(name))}, {"summary", route.doc}};
    if (kind != nullptr) out["tags"] = json::array{json::value(kind->plural)};
    if (auto parameters = parameters_of(route, kind); !parameters.empty()) out["parameters"] = std::move(parameters);
    if (route.spec) out["requestBody"] = {{"required", true}, {"content", content(ref_to(name))}};
    if (!route.takes.empty()) out["requestBody"] = {{"required", false}, {"content", content(ref_to(route.takes))}};
    if (route.scope == RequiredScope::local) out["description"] = "Only over the unix socket of the server itself.";
    auto const schema = ref_to(replaced(route.answer, "{kind}", name));
    json::object responses{{"200", {{"description", "Success."}, {"content", content(schema)}}}};
    if (route.answer == "text") responses["200"].as_object()["content"] = content(text(), "text/plain");
    if (route.answer == "event")  // the schema is that of each event's data
        responses["200"].as_object()["content"] = content(schema, "text/event-stream");
    if (route.dry_run)  // which answers 200 with the plan
        responses["200"].as_object()["content"] = content({{"oneOf", json::array{schema, ref_to("plan")}}});
    if (route.accepted)
        responses["202"] = {{"description", "Stored; the server will be converged."}, {"content", content(schema)}};
    responses["default"] = {{"description", "Every problem of the request."},
                            {"content", content(ref_to("problem"), "application/problem+json")}};
    out["responses"] = std::move(responses);
    return out;
}

void add_path(json::object& paths, Route const& route, ObjectKind const* kind) {
    auto const path = kind != nullptr ? replaced(route.path, "{kind}", kind->plural) : std::string(route.path);
    std::string method(route.method);
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
    if (!paths.contains(path)) paths[path] = json::object();
    paths[path].as_object()[method] = operation(route, kind);
}

}  // namespace

json::object openapi() {
    json::object schemas, paths;
    add_shared(schemas);
    add_access(schemas);
    for (auto const& kind : object_kinds()) add_kind(schemas, kind);
    for (auto const& kind : object_kinds())
        for (auto const& route : routes())
            if (route.path.find("{kind}") != std::string_view::npos) add_path(paths, route, &kind);
    for (auto const& route : routes())
        if (route.path.find("{kind}") == std::string_view::npos) add_path(paths, route, nullptr);
    return {{"openapi", "3.1.0"},
            {"info",
             {{"title", "Genesis"}, {"version", "v1"}, {"description", "Hosting accounts, kept as their specs say."}}},
            {"paths", std::move(paths)},
            {"components", {{"schemas", std::move(schemas)}}}};
}

}  // namespace genesis
