// Kinds made up for tests of what the store does for every kind: pools of addresses, and guests that take from them.
#pragma once
#include "resources/account/account.hpp"
#include "resources/catalog.hpp"
#include "resources/package/package.hpp"

namespace genesis {

struct TestPool {
    ObjectName name;
    std::vector<Line> addresses;
};
template <>
struct Describe<TestPool> {
    static constexpr std::string_view kind = "pool", doc = "Addresses.";
    static constexpr auto fields = std::tuple{
        field("name", &TestPool::name, "Name.", Attribute::key | Attribute::fixed),
        field("addresses", &TestPool::addresses, "What it offers."),
    };
};

struct TestNic {
    Line name;
    ObjectName pool;
    Line address;  // this one and no other
};
template <>
struct Describe<TestNic> {
    static constexpr std::string_view kind = "nic", doc = "A network card.";
    static constexpr auto fields = std::tuple{
        field("name", &TestNic::name, "Name.", Attribute::key),
        field("pool", &TestNic::pool, "Where its address is from.", Attribute::required, {.refers_to = "pool"}),
        field("address", &TestNic::address, "An address of its own."),
    };
};

struct TestGuest {
    ObjectName name;
    std::vector<TestNic> nics;
    bool web = false, console = false;
    std::optional<ObjectName> after;
};
template <>
struct Describe<TestGuest> {
    static constexpr std::string_view kind = "guest", doc = "A machine.";
    static constexpr auto fields = std::tuple{
        field("name", &TestGuest::name, "Name.", Attribute::key | Attribute::fixed),
        field("nics", &TestGuest::nics, "Its cards."),
        field("web", &TestGuest::web, "Has one of the web addresses, which are shared."),
        field("console", &TestGuest::console, "Has a port for its console."),
        field("after", &TestGuest::after, "Another that comes first.", Attribute::none, {.refers_to = "guest"}),
    };
};

inline constexpr std::chrono::milliseconds test_quarantine{60000};

inline std::vector<Claim> claims_of_guest(json::object const& spec) {
    auto const guest = decode_trusted<TestGuest>(spec);
    std::vector<Claim> out;
    for (std::size_t i = 0; i < guest.nics.size(); ++i) {
        Claim claim{.space = "address", .slot = guest.nics[i].name.str(), .quarantine = test_quarantine};
        claim.path = "/nics/" + std::to_string(i) + "/address";
        if (guest.nics[i].address.str().empty()) {
            claim.from = Claim::from_pool;
            claim.pool = {"pool", guest.nics[i].pool.str()};
        } else {
            claim.value = guest.nics[i].address.str();
        }
        out.push_back(std::move(claim));
    }
    if (guest.web)
        out.push_back(
            {.space = "web", .slot = "web", .from = Claim::from_pool, .pool = {"pool", "web"}, .shared = true});
    if (guest.console)
        out.push_back({.space = "port", .slot = "console", .from = Claim::from_range, .quarantine = test_quarantine});
    return out;
}

inline std::vector<Value> offers_of_pool(json::object const& spec) {
    std::vector<Value> out;
    for (auto const& address : decode_trusted<TestPool>(spec).addresses) out.emplace_back(address.str());
    return out;
}

// Those of the catalog and these.
inline std::span<ObjectKind const> test_kinds() {
    static std::vector<ObjectKind> const kinds = [] {
        std::vector<ObjectKind> all(object_kinds().begin(), object_kinds().end());
        all.push_back(
            {.schema = &schema_of<TestPool>(), .plural = "pools", .scope = "admin", .offers = offers_of_pool});
        all.push_back(
            {.schema = &schema_of<TestGuest>(), .plural = "guests", .scope = "vps:write", .claims = claims_of_guest});
        return all;
    }();
    return kinds;
}

// A complete spec of one of them, or the first problem thrown.
inline Spec test_spec(std::string const& kind, std::string const& name, std::string const& fields) {
    return read_spec(*find_kind(test_kinds(), kind), name, parse_json("{" + fields + "}").value()).value();
}

}  // namespace genesis
