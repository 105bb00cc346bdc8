// From what people wrote to what a machine must have: every path, number and unit chosen, nothing left to decide.
#pragma once
#include "drivers/driver.hpp"
#include "drivers/layout.hpp"
#include "resources/schema/claim.hpp"
#include "resources/schema/schema.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace genesis {

// Where an object is in its life. Suspended and terminating keep the data and close every service.
enum class Phase { active, suspended, terminating, purged };

struct Subject {
    Ref ref;
    std::int64_t generation = 0;
    Phase phase = Phase::active;
    Allocations allocations;
    bool paused = false, adopt = false, confirmed = false;
    std::string request{};             // that brought this generation
    std::optional<Time> kept_until{};  // of a terminating one: its data, unless it is purged before
};

using Records = std::map<Ref, json::object>;

// All that an expander may look at.
struct View {
    Subject const& subject;
    json::object const& spec;
    std::map<Ref, json::object> const& referred;  // the specs of objects that it refers to and that exist
    NodeLayout const& layout;
    [[nodiscard]] json::object const* find(Ref const& object) const {
        auto const it = referred.find(object);
        return it == referred.end() ? nullptr : &it->second;
    }
};

struct Expansion {
    Records records;
    // Records that several objects may want, all with the same value (a bridge, an image, a shared address): the node
    // keeps them while any object wants them.
    Records shared{};
    // Those of `records` whose value depends on an allocation that could not be made yet, and why: they wait, and so
    // does what refers to them.
    std::map<Ref, std::string> unallocated{};
};

// How the objects of one kind become records. All functions are pure.
struct Expander {
    std::string_view kind;
    Expansion (*expand)(View const& view);            // is not called for a purged object
    bool (*suspended)(json::object const& spec);      // null: it cannot be
    std::chrono::seconds (*grace)(View const& view);  // how long the data of a deleted one stays; null: not at all
};
// The explicit list of expanders, one line each. Kinds without one have no records (a package).
std::span<Expander const> expanders();
inline Expander const* find_expander(std::span<Expander const> among, std::string_view kind) {
    auto const it = std::find_if(among.begin(), among.end(), [&](auto const& e) { return e.kind == kind; });
    return it == among.end() ? nullptr : &*it;
}

}  // namespace genesis
