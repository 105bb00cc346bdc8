// Decides what an object gets of what is had once: pure, from its claims and what is held. Changes nothing.
#pragma once
#include "drivers/context.hpp"
#include "resources/schema/claim.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace genesis {

// A value that an object has, or had and that is kept back. What is held of host names is their reversed form.
struct Holding {
    std::string space;
    std::optional<Value> value;  // nothing: none could be given, and `why` says why
    std::string slot;
    Ref object{};
    bool shared = false;
    std::string pool{};  // the object it was taken from, "ip-pool/public"; empty where it is from none
    std::optional<std::chrono::milliseconds> quarantine{};
    Time since{};
    std::optional<Time> released{};
    std::string why{};
    // Nobody else may have it: it is held, or was released too short a while ago.
    [[nodiscard]] bool kept(Time now) const { return !released || !quarantine || now < *released + *quarantine; }
    bool operator==(Holding const&) const = default;
};

// How many have a value, kept back ones included.
struct Load {
    std::int64_t sharers = 0;
    bool alone = false;  // somebody has it who does not share it
};

// What is held, as far as a decision asks.
struct Holdings {
    virtual ~Holdings() = default;
    // One that keeps `object` from having the value: held by another, or kept back. With `shared`, only one of who does
    // not share it.
    [[nodiscard]] virtual std::optional<Holding> blocking(std::string const& space, Value const& value, bool shared,
                                                          Ref const& object, Time now) const = 0;
    // Whether such a one is there with a text after `from` and before `to`.
    [[nodiscard]] virtual bool blocked_between(std::string const& space, std::string const& from, std::string const& to,
                                               Ref const& object, Time now) const = 0;
    // The highest number from `first` to `last` that was ever given, as far as is remembered.
    [[nodiscard]] virtual std::optional<std::int64_t> highest(std::string const& space, std::int64_t first,
                                                              std::int64_t last) const = 0;
    [[nodiscard]] virtual std::map<Value, Load> loads(std::string const& space, Time now) const = 0;
};

// From where to where the numbers of one space are given, and whether the machine still has one free.
struct IdRange {
    std::int64_t first = 0, last = 0;
    std::function<bool(std::int64_t)> free = {};  // every one is, without
};
using Ranges = std::map<std::string, IdRange, std::less<>>;  // by space
// What every server gives: uids. `free_uid`: whether the machine has no such user or group yet.
inline Ranges server_ranges(std::function<bool(std::int64_t)> free_uid = {}) {
    return {{std::string(spaces::uid), {first_uid, last_uid, std::move(free_uid)}}};
}

// Whether a host name may be had that is beneath one that another object has.
enum class NamesBeneath { refused, allowed };

// What there is to give.
struct Supply {
    Ranges const& ranges;
    std::map<Ref, std::vector<Value>> pools;  // what each offers, in the order of giving
    NamesBeneath beneath = NamesBeneath::refused;
};

// What is to be written. Where there are problems, or what is required has run out, nothing is.
struct Decision {
    std::vector<Holding> give;     // new: values, and what could not be given
    std::vector<Holding> release;  // the object's own that it claims no longer
    std::vector<Holding> forget;   // the object's own that one of `give` takes the place of
    Problems problems{};           // exact values that others have
    std::string exhausted{};       // why a required claim cannot be met
    [[nodiscard]] bool good() const { return problems.empty() && exhausted.empty(); }
};

// `own` is what the object holds. It keeps what still fits, and gets the rest: an exact value or a problem at the
// claim's path; from a range the number above every one that was given, and once the end was reached the lowest that is
// free again, unless the space never gives anything twice; from a pool the first free value, or with sharing the one
// that fewest have. A host name is also taken by a wildcard over it, by what is beneath its own wildcard, and by a name
// above it; what is beneath it takes it from nobody, or another's x.acme.example would keep acme.example from its
// owner.
Decision allocate(Ref const& object, std::vector<Claim> const& claims, std::vector<Holding> const& own,
                  Holdings const& held, Supply const& supply, Time now);

// "www.acme.example" → "example.acme.www": what is beneath a name begins with it and a dot.
std::string reversed(std::string_view domain);

}  // namespace genesis
