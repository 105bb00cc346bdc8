// Documents and specs are taken through every reader of a description and back.
#include "tests/fuzz/spec_laws.hpp"

#include "resources/account/account.hpp"
#include "resources/package/package.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <set>

namespace genesis::fuzz {
namespace {

// C0, DEL, and C1 as UTF-8 spells it: terminals obey them all.
bool has_controls(std::string_view text, bool lines = false) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        auto const next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
        if ((byte < 0x20 && !(lines && byte == '\n')) || byte == 0x7f) return true;
        if (byte == 0xc2 && next >= 0x80 && next < 0xa0) return true;
    }
    return false;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// ---- problems

// A key is shown in a pointer with its control characters replaced, so it is looked for as it would be shown.
json::value const* step(json::value const& from, std::string_view segment) {
    if (auto const* object = from.if_object())
        for (auto const& kv : *object)
            if (pointer("", kv.key()).substr(1) == segment) return &kv.value();
    if (auto const* array = from.if_array())
        for (std::size_t i = 0; i < array->size(); ++i)
            if (std::to_string(i) == segment) return &(*array)[i];
    return nullptr;
}

// Whether the document has the place, or, for what is missing, the place that it is missing from.
bool points_into(json::value const& document, Problem const& problem) {
    json::value const* at = &document;
    for (std::string_view rest = problem.path; !rest.empty();) {
        if (rest.front() != '/') return false;
        auto const end = std::min(rest.find('/', 1), rest.size());
        auto const* next = step(*at, rest.substr(1, end - 1));
        if (next == nullptr) return problem.code == "required" && end == rest.size();
        at = next;
        rest.remove_prefix(end);
    }
    return true;
}

void refusal_laws(Problems const& problems, json::value const& document) {
    problems_are_printable(problems);
    for (auto const& p : problems) must(points_into(document, p), "a problem points into the document: " + p.path);
}

// ---- secrets

constexpr std::string_view marker = "marker-of-a-secret-";

// Every secret of `value` under a name of its own.
json::object marked(Schema const& schema, json::object value, std::string_view suffix) {
    std::size_t i = 0;
    each_secret(schema, value, [&](auto const&, json::value& secret) {
        secret = json::string(std::string(marker) + std::string(suffix) + std::to_string(++i));
    });
    return value;
}

bool tells_secret(json::value const& shown) { return contains(json::serialize(shown), marker); }

void secrets_stay_hidden(Schema const& schema, json::object const& value, json::object const& other) {
    auto const one = marked(schema, value, "one-"), two = marked(schema, value, "two-");
    auto const shown = redact(schema, one);
    must(!tells_secret(shown), "what is redacted shows no secret");
    must(redact(schema, shown) == shown, "what is redacted stays so");
    for (auto const& change : {diff(schema, one, two), diff(schema, one, other), diff(schema, other, two)})
        must(!tells_secret(describe(change)), "a difference shows no secret");
}

void problems_hide_secrets(ObjectKind const& kind, json::value const& document) {
    if (!document.is_object() || tells_secret(document)) return;
    auto const spec = read_spec(kind, "", marked(*kind.schema, document.get_object(), "\t"));
    if (spec) return;
    for (auto const& p : spec.error().problems)
        must(!contains(p.path + p.code + p.text, marker), "a problem quotes no secret");
}

void secrets_find_themselves(Schema const& schema, json::object const& value) {
    auto copy = value;
    each_secret_with_former(schema, copy, &value,
                            [](auto const&, json::value const& secret, json::value const* former) {
                                must(secret.is_null() ? former == nullptr : former != nullptr && *former == secret,
                                     "a secret is its own former one");
                            });
    must(copy == value, "looking at secrets changes nothing");
}

// ---- differences

std::set<std::string> paths(std::vector<Change> const& changes) {
    std::set<std::string> out;
    for (auto const& c : changes) out.insert(c.path);
    return out;
}

void difference_laws(Schema const& schema, json::object const& value, json::object const& bare) {
    must(diff(schema, value, value).empty(), "nothing differs from itself");
    auto const forth = diff(schema, value, bare), back = diff(schema, bare, value);
    must(paths(forth) == paths(back) && forth.size() == back.size(), "a difference is one from both sides");
    must(forth.empty() == (value == bare), "what differs is reported");
    for (auto const& c : forth) must(c.path.starts_with('/') && !has_controls(c.path), "a difference has its place");
}

// ---- accepted specs

using Typed = json::object (*)(json::object const&);
template <Described V>
json::object typed(json::object const& value) {
    auto const strict = decode<V>(json::value(value));
    must(strict.has_value(), "what is accepted decodes");
    must(encode(*strict) == encode(decode_trusted<V>(value)), "decoding and restoring agree");
    return encode(*strict);
}

// The value type of each kind; a kind that is new in the catalog has its line here.
Typed typed_of(std::string_view kind) {
    if (kind == schema_of<Account>().kind) return typed<Account>;
    if (kind == schema_of<Package>().kind) return typed<Package>;
    return nullptr;
}

// What was left out is not there, neither as null nor as nothing.
void given_laws(Schema const& schema, json::object const& value) {
    for (auto const& f : schema.fields) {
        auto const* given = value.if_contains(f.name);
        if (given == nullptr) continue;
        must(!given->is_null() && !(f.shape.optional && *given == json::value("")), "what is left out is not there");
        auto const* item = f.shape.type == Type::record ? &f.shape : f.shape.item;
        if (item == nullptr || item->form != Type::record) continue;
        if (auto const* object = given->if_object()) given_laws(*item->record, *object);
        if (auto const* array = given->if_array())
            for (auto const& one : *array) given_laws(*item->record, one.as_object());
    }
}

void texts_are_printable(json::value const& value) {
    if (auto const* text = value.if_string()) must(!has_controls(*text, true), "a text holds no control characters");
    if (auto const* array = value.if_array())
        for (auto const& item : *array) texts_are_printable(item);
    if (auto const* object = value.if_object())
        for (auto const& kv : *object) {
            must(!has_controls(kv.key()), "a key holds no control characters");
            texts_are_printable(kv.value());
        }
}

void same_spec(Spec const& spec, Checked<Spec> const& again, std::string_view way) {
    must(again.has_value() && again->name == spec.name && again->kind == spec.kind && again->value == spec.value, way);
}

void ways_back(Spec const& spec) {
    auto const& schema = *spec.kind->schema;
    same_spec(spec, read_spec(*spec.kind, spec.name, spec.value), "a complete spec is read as itself");
    auto document = spec.value;
    document["kind"] = schema.kind;
    same_spec(spec, read_spec(document), "a document with its kind is the same spec");
    auto const json = parse_json(pretty(document));
    must(json.has_value(), "a spec is printed as JSON");
    same_spec(spec, read_spec(*json), "through JSON it is the same spec");
    auto const yaml = parse_yaml(to_yaml(document));
    must(yaml.has_value() && yaml->size() == 1, "a spec is printed as one document of YAML");
    same_spec(spec, read_spec(yaml->front().value), "through YAML it is the same spec");
}

void name_laws(Spec const& spec) {
    auto const& key = *spec.kind->schema->key();
    must(key_of(*spec.kind->schema, spec.value) == spec.name, "the name is the key");
    must(!refuse(*key.shape.text, spec.name), "the name is a name");
    for (auto const& ref : references(*spec.kind->schema, spec.value)) must(!ref.key.empty(), "a reference names one");
    if (spec.kind->claims == nullptr) return;
    std::set<std::string> domains;
    for (auto const& claim : spec.kind->claims(spec.value)) {
        if (claim.space != spaces::domain) continue;
        must(domains.insert(text_of(claim.value)).second, "a domain is claimed once");
        must(!refuse(rules::domain_or_wildcard, text_of(claim.value)), "a claimed domain is one");
    }
}

void acceptance_laws(Spec const& spec) {
    auto const& schema = *spec.kind->schema;
    must(check(schema, spec.value).empty(), "what is accepted passes the check");
    must(complete(schema, spec.value) == spec.value, "what is accepted is complete");
    auto const type = typed_of(schema.kind);
    must(type != nullptr, "every kind of the catalog has its type among these laws");
    must(type(spec.value) == spec.value, "decoded and encoded again it is the same");
    given_laws(schema, spec.value);
    texts_are_printable(spec.value);
    name_laws(spec);
    ways_back(spec);
    secrets_find_themselves(schema, spec.value);
    auto const bare = read_spec(*spec.kind, spec.name, json::object());
    auto const& other = bare ? bare->value : spec.value;
    difference_laws(schema, spec.value, other);
    if (!tells_secret(spec.value)) secrets_stay_hidden(schema, spec.value, other);
}

void judge(Checked<Spec> const& spec, json::value const& document) {
    if (spec)
        acceptance_laws(*spec);
    else
        refusal_laws(spec.error().problems, document);
}

void printing_laws(json::value const& value) {
    auto const json = parse_json(json::serialize(value)), shown = parse_json(pretty(value));
    must(json.has_value() && shown.has_value(), "what was read is printed as JSON");
    if (!is_plain(value)) return;
    must(*json == value && *shown == value, "printed as JSON it is read as itself");
    auto const yaml = parse_yaml(to_yaml(value));
    must(yaml.has_value() && yaml->size() == (value.is_null() ? 0 : 1), "what was read is printed as YAML");
    must(yaml->empty() || yaml->front().value == value, "printed as YAML it is read as itself");
}

}  // namespace

bool is_plain(json::value const& value) {
    if (auto const* array = value.if_array()) return std::all_of(array->begin(), array->end(), is_plain);
    if (auto const* object = value.if_object())
        return std::all_of(object->begin(), object->end(), [](auto const& kv) { return is_plain(kv.value()); });
    return !value.is_double() && !(value.is_uint64() && value.get_uint64() > INT64_MAX);
}

void problems_are_printable(Problems const& problems) {
    must(!problems.empty(), "a refusal says why");
    for (auto const& p : problems) {
        must(!has_controls(p.path) && !has_controls(p.code) && !has_controls(p.text), "a problem can be shown");
        must(!p.code.empty() && !p.text.empty(), "a problem has a code and a sentence");
    }
}

void document_laws(json::value const& value) {
    printing_laws(value);
    judge(read_spec(value), value);
    for (auto const& kind : object_kinds()) {
        judge(read_spec(kind, "", value), value);
        problems_hide_secrets(kind, value);
    }
}

}  // namespace genesis::fuzz
