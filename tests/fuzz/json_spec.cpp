// JSON as a caller sends it: whatever is read keeps the laws of documents, and YAML reads it alike or not at all.
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/spec_laws.hpp"

namespace genesis::fuzz {

void fuzz_json_spec(std::string_view text) {
    auto const value = parse_json(text);
    if (!value) return problems_are_printable(value.error().problems);
    document_laws(*value);
    auto const yaml = parse_yaml(text);
    if (!yaml) return problems_are_printable(yaml.error().problems);
    if (!is_plain(*value)) return;
    must(yaml->size() == (value->is_null() ? 0 : 1), "a JSON text is one document of YAML");
    must(yaml->empty() || yaml->front().value == *value, "both notations read it alike");
}

}  // namespace genesis::fuzz
