// The fuzz targets: each reads any bytes and throws where one of its laws does not hold.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace genesis::fuzz {

// A connection's bytes: the head of a request, who signed it, and the answer to it.
void fuzz_request_head(std::string_view bytes);
// A JSON text as the body of a PUT.
void fuzz_json_spec(std::string_view text);
// A YAML text as a spec file of one or many documents.
void fuzz_yaml_spec(std::string_view text);

// Throws std::logic_error that says which law was broken; libFuzzer keeps the input, a test fails.
inline void must(bool holds, std::string_view law) {
    if (!holds) throw std::logic_error("broken: " + std::string(law));
}

}  // namespace genesis::fuzz
