// What documents that are given together need of each other, and the order in which they can be stored.
#pragma once
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/documents.hpp"

#include <optional>
#include <vector>

namespace genesis::cli {

// The specs that are stored under the documents' names, complete; nothing where there is none. Throws Failure.
using StoredSpecs = std::vector<std::optional<json::object>>;
StoredSpecs stored_specs(Client const& client, std::vector<SpecDocument> const& documents);

// What must be stored before a document can be.
struct Requirement {
    std::size_t on;    // another document, by its place
    std::string path;  // the field that needs it
    std::string name;  // what the other gives up and this one takes, such as a domain; empty: it refers to the other
};
using Requirements = std::vector<std::vector<Requirement>>;  // by document
// Without what is stored only the references are known.
Requirements needs_of(std::vector<SpecDocument> const& documents, StoredSpecs const& stored);

// The documents so that each comes after what it needs, otherwise as they are; or those that need each other in a
// circle, each the next one and the last the first.
struct Sequence {
    std::vector<std::size_t> order;
    std::vector<std::size_t> circle;
};
Sequence sequence_of(Requirements const& needs);

// Says of such a circle who takes what from whom, and what to do.
void print_circle(std::ostream& err, std::vector<SpecDocument> const& documents, Requirements const& needs,
                  std::vector<std::size_t> const& circle);

}  // namespace genesis::cli
