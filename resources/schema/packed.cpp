// Values as text, and what is made of that text.
#include "resources/schema/packed.hpp"

#include "resources/schema/digest.hpp"
#include "resources/schema/schema.hpp"

namespace genesis {
namespace {

// FNV-1a, 64 bits (draft-eastlake-fnv).
std::uint64_t fnv(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (unsigned char const byte : text) hash = (hash ^ byte) * 0x100000001b3;
    return hash == 0 ? 1 : hash;
}

}  // namespace

Packed::Packed(json::object const& value) : text_(json::serialize(value)) { text_.shrink_to_fit(); }

json::object Packed::unpack() const { return json::parse(text_).as_object(); }

std::uint64_t Packed::hash() const { return fnv(text_); }

bool matches(Schema const& schema, Packed const& want, Packed const& have) {
    return want == have || diff(schema, want.unpack(), have.unpack()).empty();
}

std::uint64_t value_hash(json::object const& value) { return fnv(json::serialize(value)); }

std::string fingerprint(json::object const& value) {
    auto hash = value_hash(value);
    std::string bytes(sizeof hash, '\0');
    for (auto it = bytes.rbegin(); it != bytes.rend(); ++it, hash >>= 8U) *it = static_cast<char>(hash & 0xffU);
    return to_hex(bytes);
}

}  // namespace genesis
