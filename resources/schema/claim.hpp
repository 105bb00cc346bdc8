// What an object needs that not everybody can have: names, numbers, addresses. Data; reconciler/allocate decides.
#pragma once
#include "resources/schema/schema.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>

namespace genesis {

using Value = std::variant<std::int64_t, std::string>;
std::string text_of(Value const& value);

namespace spaces {
inline constexpr std::string_view uid = "uid", domain = "domain";
}

// The uids that Genesis gives to accounts, and that mark a user as one of its own.
inline constexpr std::int64_t first_uid = 20000, last_uid = 59999;

struct Claim {
    enum From {
        exact,       // `value` and no other: the claim is refused where it is taken
        from_range,  // a number of the range that the node has for the space
        from_pool    // a value that the object `pool` offers
    };
    std::string space{};  // within which a value is had once: "uid", "domain", "address"
    std::string slot{};   // what the object calls it; empty: held so that nobody else has it, and looked up by nobody
    From from = exact;
    Value value{};
    Ref pool{};
    bool shared = false;     // several may have the same; the one that fewest have is given
    bool wildcards = false;  // values are host names: "*.x" is also every name beneath x
    bool required = false;   // where none is left the object is refused; else it is stored and waits. For what is given
                             // once: there would never be one again
    // For how long nobody may have a value that was released; nothing: for ever.
    std::optional<std::chrono::milliseconds> quarantine = std::chrono::milliseconds{0};
    std::string path{};  // the field that a refusal points at
    bool operator==(Claim const&) const = default;
};

// What an object has in a slot, or why it has nothing there.
struct Allocation {
    std::string space;
    std::optional<Value> value;
    std::string why;     // empty where there is a value
    std::string pool{};  // the object it is taken from, "ip-pool/public"; empty where it is from none
    bool operator==(Allocation const&) const = default;
};
using Allocations = std::map<std::string, Allocation>;  // by slot

// The slots that have a number.
std::map<std::string, std::int64_t> numbers_of(Allocations const& allocations);

}  // namespace genesis
