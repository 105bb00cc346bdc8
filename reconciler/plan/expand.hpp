// From what people wrote to what a machine must have: every path, number and unit chosen, nothing left to decide.
#pragma once
#include "drivers/layout.hpp"
#include "resources/schema/schema.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace genesis {

// Where an object is in its life. Suspended and terminating keep the data and close every service.
enum class Phase { active, suspended, terminating, purged };

struct Subject {
    Ref ref;
    std::int64_t generation = 0;
    Phase phase = Phase::active;
    json::object spec;
    std::map<std::string, std::int64_t> numbers;
    bool paused = false, adopt = false, confirmed = false;
    std::string request{};  // that brought this generation
};

using Records = std::map<Ref, json::object>;
using Packages = std::map<std::string, json::object>;

// Pure: same arguments, same records. A purged subject has none.
Records expand(Subject const& subject, Packages const& packages, NodeLayout const& layout);

}  // namespace genesis
