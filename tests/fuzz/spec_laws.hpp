// The laws of documents and specs, whichever notation they came in; each throws where it does not hold.
#pragma once
#include "resources/catalog.hpp"

#include <string_view>

namespace genesis::fuzz {

// Problems are reported, and can be shown on any terminal.
void problems_are_printable(Problems const& problems);
// `value` as it was read: it prints and is read again as itself, and as a spec of every kind it is refused at a place
// that it has, or accepted as a value that is complete, keeps its secrets and is the same again by every way back.
void document_laws(json::value const& value);
// Whether both notations can say it: whole numbers of 64 bits are the only numbers a spec has.
bool is_plain(json::value const& value);

}  // namespace genesis::fuzz
