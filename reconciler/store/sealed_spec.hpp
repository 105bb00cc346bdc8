// A spec on its way to the disk and back: secrets sealed, each bound to its object and field.
#pragma once
#include "drivers/secrets/vault.hpp"
#include "resources/schema/schema.hpp"

namespace genesis {

// What a secret of `ref` at `pointer` is bound to, so that a sealed text moved to another place does not open.
std::string bound_to(std::string const& node, Ref const& ref, std::string const& pointer);
std::string seal_spec(Vault const& vault, std::string const& node, Schema const& schema, Ref const& ref,
                      json::object spec);
// Throws Fault when a secret does not open: a wrong master key, or a row that was tampered with.
json::object unseal_spec(Vault const& vault, std::string const& node, Schema const& schema, Ref const& ref,
                         std::string const& sealed);
// Every secret text of the spec, in clear.
std::vector<std::string> secrets_of(Schema const& schema, json::object spec);

}  // namespace genesis
