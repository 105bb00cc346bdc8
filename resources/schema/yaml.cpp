// YAML in and out through yaml-cpp, narrowed to what a spec needs.
#include "resources/schema/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace genesis {
namespace {

struct Unfit {
    std::string path, text;
    std::size_t line;
};

std::size_t line_of(YAML::Mark const& mark) { return mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line) + 1; }

class Reader {
public:
    std::map<std::string, std::size_t> lines{};  // of each value but the first, by its pointer

    json::value read(YAML::Node const& node, std::string const& at, std::size_t depth) {
        auto fail = [&](std::string text) -> json::value { throw Unfit{at, std::move(text), line_of(node.Mark())}; };
        if (depth > document_depth) return fail("is nested deeper than 32 levels");
        if (++values_ > document_values) return fail("holds more than 200,000 values");
        auto const& tag = node.Tag();
        if (!tag.empty() && tag != "?" && tag != "!") return fail("has a tag; none are understood");
        switch (node.Type()) {
            case YAML::NodeType::Undefined:
            case YAML::NodeType::Null:
                return nullptr;
            case YAML::NodeType::Scalar:
                return scalar(node);
            case YAML::NodeType::Sequence:
                return sequence(node, at, depth);
            case YAML::NodeType::Map:
                return mapping(node, at, depth);
        }
        return nullptr;
    }

private:
    json::value sequence(YAML::Node const& node, std::string const& at, std::size_t depth) {
        json::array out;
        for (std::size_t i = 0; i < node.size(); ++i) {
            auto const path = pointer(at, std::to_string(i));
            if (auto const line = line_of(node[i].Mark()); line != 0) lines.emplace(path, line);
            out.push_back(read(node[i], path, depth + 1));
        }
        return out;
    }

    json::value mapping(YAML::Node const& node, std::string const& at, std::size_t depth) {
        json::object out;
        for (auto const& entry : node) {
            auto const line = line_of(entry.first.Mark());
            if (!entry.first.IsScalar()) throw Unfit{at, "has a key that is not text", line};
            auto key = entry.first.Scalar();
            auto path = pointer(at, key);
            if (out.contains(key)) throw Unfit{path, "is there twice", line};
            lines.emplace(path, line);
            out[key] = read(entry.second, path, depth + 1);
        }
        return out;
    }

    static json::value scalar(YAML::Node const& node) {
        auto const& text = node.Scalar();
        if (node.Tag() == "!") return json::string(text);  // quoted
        if (text == "true" || text == "false") return text == "true";
        if (text == "null" || text == "~" || text.empty()) return nullptr;
        std::int64_t number = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        bool plain = text == "0" || text == "-0" || (text[0] != '0' && !text.starts_with("-0"));
        if (error == std::errc{} && end == text.data() + text.size() && plain) return number;
        return json::string(text);
    }

    std::size_t values_ = 0;
};

// The parser's messages quote the file's bytes as they are.
std::string printable(std::string text) {
    for (auto& c : text)
        if (c < 0x20 || c > 0x7e) c = '?';
    return text;
}

Refused malformed(std::string const& path, std::string const& text, std::size_t line) {
    return Refused{{{printable(path), "malformed", printable(text), line}}};
}

// What a schedule of cron without quotes is: * begins an alias.
Refused alias_at(YAML::Mark const& mark) {
    return malformed("",
                     "aliases (*name) are not allowed; a text that begins with * must be in quotes, such as "
                     "\"*/5 * * * *\"",
                     line_of(mark));
}

Refused located(Refused refused, std::size_t line) {
    for (auto& problem : refused.problems) problem.line = line;
    return refused;
}

Refused unreadable(YAML::Exception const& error) {
    std::string_view const said = error.msg;
    bool const alias = said.find("alias") != said.npos || said.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR);
    return alias ? alias_at(error.mark) : malformed("", error.msg, line_of(error.mark));
}

// The parser takes byte 4 for the end of the file wherever it stands, CR for a part of the text, and guesses UTF-16
// from the first two bytes. YAML 1.2 (5.1, 5.4) allows no other control character, and no UTF-8 has the two bytes.
std::optional<Refused> refuse_bytes(std::string_view text) {
    std::size_t line = 1;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        if (byte == '\n') ++line;
        bool const breaks = byte == '\n' || (byte == '\r' && text.substr(i + 1).starts_with('\n'));
        if (byte < 0x20 && byte != '\t' && !breaks) return malformed("", "holds a control character", line);
        if (byte >= 0xfe) return malformed("", "is not UTF-8", line);
    }
    return std::nullopt;
}

// yaml-cpp resolves aliases into shared nodes before anyone can see them. What cannot go on a document it takes for the
// start of another one, and where it cannot start one either it does so for ever.
struct Watch : YAML::EventHandler {
    explicit Watch(std::string_view bytes) : text(bytes) {}
    std::string_view text;
    bool first = true;
    std::optional<YAML::Mark> alias{}, astray{};  // astray: where something is no document

    void OnDocumentStart(YAML::Mark const& mark) override {
        auto const at = std::min(static_cast<std::size_t>(mark.pos), text.size());
        if (!first && (mark.column != 0 || !text.substr(at).starts_with("---"))) astray = mark;
        first = false;
    }
    void OnDocumentEnd() override {}
    void OnNull(YAML::Mark const&, YAML::anchor_t) override {}
    void OnAlias(YAML::Mark const& mark, YAML::anchor_t) override {
        if (!alias) alias = mark;
    }
    void OnScalar(YAML::Mark const&, std::string const&, YAML::anchor_t, std::string const&) override {}
    void OnSequenceStart(YAML::Mark const&, std::string const&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(YAML::Mark const&, std::string const&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

std::optional<Refused> refuse_events(std::string const& text) {
    Watch watch(text);
    std::istringstream in(text);
    YAML::Parser parser(in);
    while (!watch.astray && parser.HandleNextDocument(watch)) {
    }
    if (watch.astray) return malformed("", "a further document must begin with ---", line_of(*watch.astray));
    if (watch.alias) return alias_at(*watch.alias);
    return std::nullopt;
}

// Whether our own reader takes `text` back as text without quotes.
bool plain(std::string_view text) {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (text.empty() || text == "true" || text == "false" || text == "null" || text == "Null" || text == "NULL" ||
        text.back() == ' ')
        return false;
    return letters.find(text.front()) != std::string_view::npos &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@ -") ==
               std::string_view::npos;
}

// A key without "? " before it is found within 1024 characters only (YAML 1.2, 7.4.2), and a byte is printed as at most
// four.
constexpr std::size_t longest_simple_key = 250;

void emit(YAML::Emitter& out, std::string_view text) {
    if (!plain(text)) out << YAML::DoubleQuoted;
    out << std::string(text);
}

void emit(YAML::Emitter& out, json::value const& value) {
    if (auto const* object = value.if_object()) {
        out << YAML::BeginMap;
        for (auto const& kv : *object) {
            if (kv.key().size() > longest_simple_key) out << YAML::LongKey;
            emit(out, std::string_view(kv.key()));
            out << YAML::Value;
            emit(out, kv.value());
        }
        out << YAML::EndMap;
    } else if (auto const* array = value.if_array()) {
        out << YAML::BeginSeq;
        for (auto const& item : *array) emit(out, item);
        out << YAML::EndSeq;
    } else if (auto const* text = value.if_string()) {
        emit(out, std::string_view(*text));
    } else if (value.is_null()) {
        out << YAML::Null;
    } else {
        out << json::serialize(value);
    }
}

}  // namespace

Checked<std::vector<Document>> parse_yaml(std::string_view text) try {
    if (auto refused = refuse_bytes(text)) return std::move(*refused);
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the byte order mark
    std::string const copy(text);
    if (auto refused = refuse_events(copy)) return std::move(*refused);
    std::vector<Document> out;
    for (auto const& node : YAML::LoadAll(copy)) {
        Reader reader;
        auto value = reader.read(node, "", 0);
        if (value.is_null()) continue;                    // an empty document, such as one that only holds comments
        auto again = parse_json(json::serialize(value));  // refuses what is not UTF-8
        auto const line = line_of(node.Mark());
        if (!again) return located(again.error(), line);
        out.push_back({std::move(*again), line, std::move(reader.lines)});
    }
    return out;
} catch (Unfit const& unfit) {
    return malformed(unfit.path, unfit.text, unfit.line);
} catch (YAML::Exception const& error) {
    return unreadable(error);
}

std::string to_yaml(json::value const& value) {
    YAML::Emitter out;
    out.SetNullFormat(YAML::LowerNull);
    emit(out, value);
    return std::string(out.c_str()) + "\n";
}

}  // namespace genesis
