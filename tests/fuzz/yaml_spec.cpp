// YAML as an operator saves it: each document keeps the laws, and so do all of them in one file.
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/spec_laws.hpp"

#include <algorithm>

namespace genesis::fuzz {
namespace {

bool is_told(char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t'; }

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> out;
    for (std::size_t from = 0; from <= text.size(); from += out.back().size() + 1)
        out.push_back(text.substr(from, text.find('\n', from) - from));
    return out;
}

void file_laws(std::string_view text, std::vector<Document> const& documents) {
    must(std::all_of(text.begin(), text.end(), is_told), "YAML holds no control characters");
    auto const lines = lines_of(text);
    auto const begun =
        std::count_if(lines.begin(), lines.end(), [](std::string_view line) { return line.starts_with("---"); });
    must(documents.size() <= 1 + static_cast<std::size_t>(begun), "each document but the first begins with ---");
    for (auto const& d : documents) must(d.line >= 1 && d.line <= lines.size(), "a document starts on a line");
}

void together(std::vector<Document> const& documents) {
    std::string all;
    for (auto const& d : documents) all += "---\n" + to_yaml(d.value);
    auto const again = parse_yaml(all);
    must(again.has_value() && again->size() == documents.size(), "documents are printed one after the other");
    for (std::size_t i = 0; i < documents.size(); ++i)
        must((*again)[i].value == documents[i].value, "printed among others a document stays itself");
}

}  // namespace

void fuzz_yaml_spec(std::string_view text) {
    auto const documents = parse_yaml(text);
    if (!documents) return problems_are_printable(documents.error().problems);
    file_laws(text, *documents);
    for (auto const& d : *documents) {
        must(is_plain(d.value), "YAML has no other numbers than a spec");
        document_laws(d.value);
    }
    together(*documents);
}

}  // namespace genesis::fuzz
