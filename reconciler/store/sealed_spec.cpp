// Walks the secrets that the kind's description names; knows no kind itself.
#include "reconciler/store/sealed_spec.hpp"

namespace genesis {
std::string bound_to(std::string const& node, Ref const& ref, std::string const& pointer) {
    return node + "|" + ref.str() + "|" + pointer;
}

std::string seal_spec(Vault const& vault, std::string const& node, Schema const& schema, Ref const& ref,
                      json::object spec) {
    each_secret(schema, spec, [&](std::string const& at, json::value& secret) {
        Secret const clear{std::string(secret.get_string())};
        secret = json::string(vault.seal(clear, bound_to(node, ref, at)));
    });
    return json::serialize(spec);
}

json::object unseal_spec(Vault const& vault, std::string const& node, Schema const& schema, Ref const& ref,
                         std::string const& sealed) {
    auto parsed = json::parse(sealed);
    auto spec = std::move(parsed.as_object());
    each_secret(schema, spec, [&](std::string const& at, json::value& secret) {
        auto const clear = vault.unseal(std::string_view(secret.get_string()), bound_to(node, ref, at));
        secret = json::string(clear.reveal());
    });
    return spec;
}

std::vector<std::string> secrets_of(Schema const& schema, json::object spec) {
    std::vector<std::string> out;
    each_secret(schema, spec, [&](auto const&, json::value& secret) { out.emplace_back(secret.get_string()); });
    return out;
}

}  // namespace genesis
