// Reads the documents of -f: files, directories of files, or standard input.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <string>
#include <vector>

namespace genesis::cli {

struct SpecDocument {
    std::string where;  // "acme.yaml:2": the second document of the file
    json::value given;  // as written
    Spec spec;          // checked and complete
};

// Everything `files` names, what is referred to before what refers to it. Problems go to `err`, all of them, and make
// `ok` false: nothing should be sent then. Throws Failure for a file that cannot be read.
struct Read {
    std::vector<SpecDocument> documents;
    bool ok = true;
};
Read read_documents(std::vector<std::string> const& files, Console& console);

}  // namespace genesis::cli
