// The expander of accounts, with something shared.
#include "tests/simulation/shared.hpp"

#include <array>

namespace genesis::simulation {
namespace {

bool has_any(json::object const& spec, std::string_view field) {
    auto const* list = spec.if_contains(field);
    return list != nullptr && list->is_array() && !list->get_array().empty();
}

Expansion expand(View const& view) {
    auto out = find_expander(expanders(), "account")->expand(view);
    auto const& spec = view.spec;
    if (view.subject.phase == Phase::active && has_any(spec, "sites"))
        out.shared[{"bridge", "lan"}] = encode(Bridge{"lan", has_any(spec, "databases")});
    return out;
}

}  // namespace

std::span<Expander const> simulated_expanders() {
    static auto const list = [] {
        std::array out{*find_expander(expanders(), "account")};
        out[0].expand = expand;
        return out;
    }();
    return list;
}

}  // namespace genesis::simulation
