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

// The fields of a record's text that are compared, one after the other.
class ComparedFields {
public:
    ComparedFields(Schema const& schema, std::string_view text) : schema_(schema), rest_(text.substr(1)) {}

    // "name":value of the next one; empty after the last.
    std::string_view next() {
        while (rest_.size() > 1) {
            auto const name = rest_.substr(1, rest_.find('"', 1) - 1);
            auto const field = rest_.substr(0, end_of_field(name.size() + 3));
            rest_.remove_prefix(field.size() + 1);  // and a comma or the last brace
            auto const* const info = schema_.find(name);
            if (info == nullptr ||
                !(has(info->attributes, Attribute::reported) || has(info->attributes, Attribute::write_only)))
                return field;
        }
        return {};
    }

private:
    [[nodiscard]] std::size_t end_of_field(std::size_t at) const {
        for (std::size_t depth = 0;; ++at) {
            auto const byte = rest_[at];
            if (depth == 0 && (byte == ',' || byte == '}')) return at;
            if (byte == '"')
                at = end_of_string(at);
            else if (byte == '{' || byte == '[')
                ++depth;
            else if (byte == '}' || byte == ']')
                --depth;
        }
    }
    [[nodiscard]] std::size_t end_of_string(std::size_t at) const {
        for (++at; rest_[at] != '"'; ++at)
            if (rest_[at] == '\\') ++at;
        return at;
    }

    Schema const& schema_;
    std::string_view rest_;
};

// Mostly they are the same byte for byte; that they are not says nothing yet.
bool read_alike(Schema const& schema, std::string_view want, std::string_view have) {
    ComparedFields wanted(schema, want), seen(schema, have);
    for (;;) {
        auto const field = wanted.next();
        if (field != seen.next()) return false;
        if (field.empty()) return true;
    }
}

}  // namespace

Packed Packed::of_text(std::string text) {
    Packed out;
    text.shrink_to_fit();
    out.text_ = std::move(text);
    return out;
}

Packed::Packed(json::object const& value) : text_(json::serialize(value)) { text_.shrink_to_fit(); }

json::object Packed::unpack() const { return json::parse(text_).as_object(); }

std::uint64_t Packed::hash() const { return fnv(text_); }

bool matches(Schema const& schema, Packed const& want, Packed const& have) {
    return want == have || read_alike(schema, want.text_, have.text_) ||
           diff(schema, want.unpack(), have.unpack()).empty();
}

std::uint64_t value_hash(json::object const& value) { return fnv(json::serialize(value)); }

std::string fingerprint(json::object const& value) {
    auto hash = value_hash(value);
    std::string bytes(sizeof hash, '\0');
    for (auto it = bytes.rbegin(); it != bytes.rend(); ++it, hash >>= 8U) *it = static_cast<char>(hash & 0xffU);
    return to_hex(bytes);
}

}  // namespace genesis
