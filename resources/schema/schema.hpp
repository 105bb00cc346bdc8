// The same description at run time, and its readers: check, complete, diff, redact, references.
#pragma once
#include "resources/schema/field.hpp"
#include "resources/schema/secret.hpp"

#include <boost/json.hpp>
#include <boost/system/result.hpp>

#include <compare>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace genesis {

namespace json = boost::json;

// What is wrong with an input, for people: collected, addressed by JSON pointer (RFC 6901), never thrown.
struct Problem {
    std::string path;  // "/sites/0/domain"; empty is the whole document
    std::string code;  // stable: unknown_field, required, wrong_type, invalid, out_of_range, duplicate, too_many …
    std::string text;  // one sentence; never quotes a secret
    std::size_t line = 0;  // of the file it was read from; 0: not known
    bool operator==(Problem const&) const = default;
};
using Problems = std::vector<Problem>;
inline constexpr std::size_t most_problems = 200;  // are reported of one input
struct Refused {
    Problems problems;
};
[[noreturn]] void throw_exception_from_error(Refused const&, boost::source_location const&);
template <class T>
using Checked = boost::system::result<T, Refused>;

struct Ref {
    std::string kind, key;
    auto operator<=>(Ref const&) const = default;
    [[nodiscard]] std::string str() const { return kind + "/" + key; }
};

// By reference where no order is needed: there are many records, and their names begin alike. Not noexcept: libstdc++
// keeps each element's hash only then, and compares it before the names.
struct RefHash {
    std::size_t operator()(Ref const& ref) const {
        auto const kind = ref.kind.empty() ? 0 : ref.kind.size() * 131 + static_cast<unsigned char>(ref.kind.front());
        return std::hash<std::string>()(ref.key) * 31 + kind;
    }
};
template <class T>
using RefMap = std::unordered_map<Ref, T, RefHash>;
using RefSet = std::unordered_set<Ref, RefHash>;

struct Schema;
enum class Type { boolean, integer, text, choice, secret, record, list, map, or_none };
struct Shape {
    Type type{};
    TextRule const* text = nullptr;           // text
    std::vector<std::string_view> choices{};  // choice
    Schema const* record = nullptr;           // record
    Shape const* item = nullptr;              // list, map, or_none
    bool optional = false;                    // may be absent, and then stays absent
    bool secrets = false;                     // is a secret, or may hold one
};
struct FieldInfo {
    std::string_view name, doc;
    Shape shape;
    Attribute attributes{};
    Constraint constraint;
    json::value fallback;  // what an absent field means; null when it stays absent
};
struct Schema {
    std::string_view kind, doc;
    std::vector<FieldInfo> fields;
    [[nodiscard]] FieldInfo const* find(std::string_view name) const;
    [[nodiscard]] FieldInfo const* key() const;  // null when the record has none
};

// One difference. `path` is a pointer whose list segments are keys where the list's records have one:
// "/pools/acme.example/max_children". Secrets are redacted on both sides.
struct Change {
    std::string path;
    json::value from{}, to{};
    Attribute attributes{};
};

// Every problem at once; unknown fields are problems.
Problems check(Schema const& schema, json::value const& value);
Problems check(Schema const& schema, json::object const& value);
// Absent fields become their defaults, at every depth; optional ones that are null or empty text are taken out.
// Precondition: check() found nothing.
json::object complete(Schema const& schema, json::object value);
// What to change in `have` to get `want`; reported and write-only fields are left out.
std::vector<Change> diff(Schema const& schema, json::object const& want, json::object const& have);
// As it is stored and shown: [{path, from, to}].
json::array describe(std::vector<Change> const& changes);
// The same value with every secret as ********.
json::object redact(Schema const& schema, json::object value);
// Calls visit(pointer, secret) for each secret text present; visit may replace it.
void each_secret(Schema const& schema, json::object& value,
                 std::function<void(std::string const& pointer, json::value& secret)> const& visit);
// The same pass over `value` beside `before`: list records are matched by key, so a secret finds its former self.
// former is null when there was none. A `generated` secret that is absent is visited as null; left null it stays
// absent.
void each_secret_with_former(
    Schema const& schema, json::object& value, json::object const* before,
    std::function<void(std::string const&, json::value&, json::value const* former)> const& visit);
// One text that is the key of another record or object.
struct Reference {
    std::string path;  // "/package"
    Ref to;
    bool may_lack = false;  // good even where there is no such thing
};
// Every reference with its place, in the order of the fields; empty texts refer to nothing.
std::vector<Reference> references_at(Schema const& schema, json::object const& value);
// What a spec refers to; null where there is no such object, or it is about to go.
using Referred = std::function<json::object const*(Ref const& ref)>;
// Everything the record refers to.
std::set<Ref> references(Schema const& schema, json::object const& value);
std::string key_of(Schema const& schema, json::object const& value);
// The same for equal values, in every run of every version: says whether a value is still the one that something was
// done for. Not a cryptographic digest; never 0.
std::uint64_t value_hash(json::object const& value);
std::string fingerprint(json::object const& value);  // as 16 hex digits
// "~1" and "~0" of RFC 6901; control characters as question marks.
std::string pointer(std::string_view parent, std::string_view segment);

// Publishing: generated, committed under specs/, compared by tests.
json::object json_schema(Schema const& schema);
std::string markdown(Schema const& schema);

}  // namespace genesis
