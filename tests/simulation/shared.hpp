// What accounts of a simulation share: the real expander, and a record that belongs to none of them.
#pragma once
#include "reconciler/plan/expand.hpp"
#include "resources/schema/codec.hpp"

#include <string>

namespace genesis::simulation {

struct Bridge {
    std::string name;
    bool databases = false;
};

// As the program's own, and each active account with a site shares the bridge "lan". Those with databases want it
// otherwise than those without: the first account by name decides.
std::span<Expander const> simulated_expanders();

}  // namespace genesis::simulation

namespace genesis {
template <>
struct Describe<simulation::Bridge> {
    static constexpr std::string_view kind = "bridge", doc = "Of the simulation.";
    static constexpr auto fields = std::tuple{field("name", &simulation::Bridge::name, "", Attribute::key),
                                              field("databases", &simulation::Bridge::databases, "")};
};
}  // namespace genesis
