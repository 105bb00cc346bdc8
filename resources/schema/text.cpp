// Checks texts against their rules, with RE2 (linear in the input) and the few rules no pattern can say.
#include "resources/schema/text.hpp"

#include <idn2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace genesis {
namespace {

RE2 const& compiled(TextRule const& constraint) {
    static std::shared_mutex lock;
    static std::map<TextRule const*, std::unique_ptr<RE2>> cache;
    {
        std::shared_lock reading(lock);
        if (auto it = cache.find(&constraint); it != cache.end()) return *it->second;
    }
    std::unique_lock writing(lock);
    auto& entry = cache[&constraint];
    if (!entry) {
        RE2::Options options;
        options.set_encoding(RE2::Options::EncodingLatin1);  // bytes in, bytes matched
        options.set_log_errors(false);
        entry = std::make_unique<RE2>(re2::StringPiece(constraint.pattern.data(), constraint.pattern.size()), options);
        if (!entry->ok()) throw std::logic_error("pattern of " + std::string(constraint.name) + ": " + entry->error());
    }
    return *entry;
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> out;
    for (std::size_t at = 0;;) {
        auto next = text.find(by, at);
        out.push_back(text.substr(at, next - at));
        if (next == std::string_view::npos) return out;
        at = next + 1;
    }
}

// The algorithm name that a base64 blob of an OpenSSH key starts with: a 32-bit length and the bytes.
std::string blob_algorithm(std::string_view base64) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    std::uint32_t bits = 0;
    int held = 0;
    for (char c : base64.substr(0, 64)) {
        auto at = digits.find(c);
        if (at == std::string_view::npos) break;
        bits = (bits << 6) | static_cast<std::uint32_t>(at);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<char>((bits >> held) & 0xff));
        }
    }
    if (bytes.size() < 4) return {};
    auto length = static_cast<unsigned char>(bytes[3]);  // names are shorter than 256 bytes
    if (bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 0) return {};
    return bytes.substr(4, length);
}

// Bytes of the control character at `i`: one below 0x80, two where UTF-8 spells U+0080 to U+009F; 0 when there is none.
std::size_t control_at(std::string_view text, std::size_t i) {
    auto const byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return 1;
    if (byte != 0xc2 || i + 1 == text.size()) return 0;
    auto const next = static_cast<unsigned char>(text[i + 1]);
    return next >= 0x80 && next < 0xa0 ? 2 : 0;
}

}  // namespace

bool printable(std::string_view text, bool lines) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (control_at(text, i) > 0 && !(lines && text[i] == '\n')) return false;
    return true;
}

std::string visible(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const size = control_at(text, i);
        out += size > 0 ? '?' : text[i];
        if (size > 1) i += size - 1;
    }
    return out;
}

std::optional<std::string> refuse(TextRule const& constraint, std::string_view text) {
    if (!printable(text, constraint.lines)) return "must not contain control characters";
    if (text.size() < constraint.min || text.size() > constraint.max)
        return "must be " + std::to_string(constraint.min) + " to " + std::to_string(constraint.max) +
               " bytes long: " + std::string(constraint.says);
    if (!RE2::FullMatch(re2::StringPiece(text.data(), text.size()), compiled(constraint)) ||
        (constraint.also != nullptr && !constraint.also(text)))
        return "is not a valid " + std::string(constraint.name) + ": " + std::string(constraint.says);
    return constraint.fault != nullptr ? constraint.fault(text) : std::nullopt;
}

namespace rules {

bool is_domain(std::string_view text) {
    if (text.starts_with("*.")) text.remove_prefix(2);
    for (auto label : split(text, '.')) {
        if (!label.starts_with("xn--")) {
            if (label.size() > 3 && label.substr(2, 2) == "--") return false;  // RFC 5891 4.2.3.1
            continue;
        }
        char* unicode = nullptr;
        std::string ascii(label);
        if (idn2_to_unicode_8z8z(ascii.c_str(), &unicode, 0) != IDN2_OK) return false;
        std::unique_ptr<char, decltype(&idn2_free)> decoded(unicode, idn2_free);
        char* again = nullptr;
        if (idn2_to_ascii_8z(unicode, &again, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK) return false;
        std::unique_ptr<char, decltype(&idn2_free)> encoded(again, idn2_free);
        if (ascii != again || ascii == unicode) return false;
    }
    return true;
}

bool is_plain_path(std::string_view text) {
    if (text.starts_with('/')) text.remove_prefix(1);
    auto segments = split(text, '/');
    return std::none_of(segments.begin(), segments.end(), [](auto s) { return s.empty() || s == "." || s == ".."; });
}

bool is_ssh_key(std::string_view text) {
    auto parts = split(text, ' ');
    return parts.size() >= 2 && parts[1].size() >= 64 && parts[1].size() % 4 == 0 &&
           blob_algorithm(parts[1]) == parts[0];
}

}  // namespace rules
}  // namespace genesis
