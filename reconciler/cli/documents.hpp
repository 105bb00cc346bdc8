// Reads the documents of -f: files, directories of files, or standard input.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <string>
#include <vector>

namespace genesis::cli {

struct SpecDocument {
    std::string file;
    Document written;
    Spec spec;  // checked and complete

    [[nodiscard]] Ref ref() const { return {std::string(spec.kind->schema->kind), spec.name}; }
};
// "acme.yaml:7: account/acme: sites[0].domain: text": the problem with its line.
std::string sentence(SpecDocument const& document, Problem problem);
// Those of an answer, one a line.
std::string problem_text(SpecDocument const& document, unsigned status, json::value const& body);

// Everything `files` names, what is referred to before what refers to it. Problems go to `err`, all of them, and make
// `ok` false: nothing should be sent then. Throws Failure for a file that cannot be read.
struct Read {
    std::vector<SpecDocument> documents;
    bool ok = true;
};
Read read_documents(std::vector<std::string> const& files, Console& console);

}  // namespace genesis::cli
