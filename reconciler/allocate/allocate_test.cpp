// The allocator over single claims, and over 100,000 random histories whose every decision is checked from outside.
#include "reconciler/allocate/allocate.hpp"

#include "reconciler/allocate/allocate_fixture.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace genesis {
namespace {

using std::chrono::milliseconds;

Time at(std::int64_t ms) { return Time(milliseconds(ms)); }
Ref guest(std::string const& name) { return {"guest", name}; }

// One object at a time asks for things.
struct Desk {
    ListedHoldings held;
    Stock stock;
    Time now = at(1000);

    Decision ask(std::string const& name, std::vector<Claim> const& claims) {
        auto decision = allocate(guest(name), claims, held.own(guest(name)), held, stock.supply, now);
        if (decision.good()) held.write(decision, now);
        return decision;
    }
    std::string got(std::string const& name, std::string const& slot) {
        for (auto const& h : held.own(guest(name)))
            if (h.slot == slot) return h.value ? text_of(*h.value) : h.why;
        return "nothing";
    }
};

Claim const id{.space = "id", .slot = "id", .from = Claim::from_range, .quarantine = std::nullopt};
Claim const port{.space = "port", .slot = "port", .from = Claim::from_range, .quarantine = milliseconds{5}};
Claim const web{.space = "web", .slot = "web", .from = Claim::from_pool, .pool = {"pool", "web"}, .shared = true};
Claim const small{.space = "address",
                  .slot = "eth0",
                  .from = Claim::from_pool,
                  .pool = {"pool", "small"},
                  .quarantine = milliseconds{3}};
Claim exactly(std::string const& address) {
    return {.space = "address", .slot = "eth0", .value = address, .quarantine = milliseconds{3}, .path = "/address"};
}
Claim domain(std::string const& name) {
    return {.space = "domain", .value = name, .wildcards = true, .path = "/domain"};
}

TEST_CASE("a range gives the next number that the machine has free, and one that never comes back only once") {
    Desk d;
    for (auto const* name : {"a", "b", "c", "d"}) d.ask(name, {id});
    CHECK(d.got("b", "id") == "101");
    CHECK(d.got("c", "id") == "103");  // the machine has a 102
    CHECK(d.got("d", "id") == "104");
    d.held.release_all(guest("a"), d.now);
    d.now += std::chrono::hours(100000);
    d.ask("e", {id});
    CHECK(d.got("e", "id") == "every id that may be given has been used");
}

TEST_CASE("what is required and has run out refuses the object, and leaves it nothing else") {
    Desk d;
    auto needed = id;
    needed.required = true;
    for (auto const* name : {"a", "b", "c", "d"}) CHECK(d.ask(name, {needed}).good());
    auto const decision = d.ask("e", {needed, web});
    CHECK_FALSE(decision.good());
    CHECK(decision.exhausted == "every id that may be given has been used");
    CHECK(d.got("e", "web") == "nothing");
}

TEST_CASE("a number is given again when its quarantine is over, and not before") {
    Desk d;
    for (auto const* name : {"a", "b", "c", "d"}) d.ask(name, {port});
    d.ask("b", {});
    d.now += milliseconds(4);
    d.ask("e", {port});
    CHECK(d.got("e", "port") == "every port that may be given has been used");
    d.now += milliseconds(1);
    d.ask("e", {port});
    CHECK(d.got("e", "port") == "2");
}

TEST_CASE("an empty pool is a missing value with its reason, and is filled once there is one") {
    Desk d;
    d.ask("a", {small});
    d.ask("b", {small});
    CHECK(d.got("a", "eth0") == "n1");
    CHECK(d.got("b", "eth0") == "every address of pool/small is in use");
    CHECK(d.ask("b", {small}).give.empty());  // it is known
    d.stock.supply.pools.at({"pool", "small"}).emplace_back("n7");
    d.ask("b", {small});
    CHECK(d.got("b", "eth0") == "n7");
    CHECK(d.held.own(guest("b")).size() == 1);
    d.stock.supply.pools.clear();
    d.ask("c", {small});
    CHECK(d.got("c", "eth0") == "there is no pool/small");
}

TEST_CASE("an exact value that another has, or had a moment ago, is a problem at its field") {
    Desk d;
    d.ask("a", {exactly("n5")});
    auto const problems = d.ask("b", {exactly("n5")}).problems;
    REQUIRE(problems.size() == 1);
    CHECK(problems[0] == Problem{"/address", "address_taken", "n5 is used by another guest"});
    CHECK(d.got("b", "eth0") == "nothing");
    d.held.release_all(guest("a"), d.now);
    CHECK(d.ask("b", {exactly("n5")}).problems.at(0).text == "n5 was given back too short a while ago");
    d.now += milliseconds(3);
    CHECK(d.ask("b", {exactly("n5")}).good());
}

TEST_CASE(
    "an object keeps what it has while its claim stands, takes it along to another slot, and loses it with the claim") {
    Desk d;
    d.ask("a", {small, port});
    CHECK(d.ask("a", {small, port}).give.empty());
    auto moved = small;
    moved.slot = "eth1";
    d.ask("a", {moved, port});
    CHECK(d.got("a", "eth1") == "n1");
    CHECK(d.got("a", "eth0") == "nothing");
    d.stock.supply.pools.at({"pool", "small"}).clear();  // the pool offers it no longer: who has it keeps it
    CHECK(d.ask("a", {moved, port}).give.empty());
    CHECK(d.ask("a", {port}).release.size() == 1);
    CHECK(d.got("a", "eth1") == "nothing");
}

TEST_CASE("of a shared pool the one that fewest have is given, and one that somebody has alone is not shared") {
    Desk d;
    std::map<std::string, int> loads;
    for (int i = 0; i < 30; ++i) {
        auto const name = "g" + std::to_string(i);
        d.ask(name, {web});
        ++loads[d.got(name, "web")];
    }
    CHECK(loads == std::map<std::string, int>{{"w1", 10}, {"w2", 10}, {"w3", 10}});
    Desk other;
    Claim alone{.space = "web", .slot = "web", .value = std::string("w1")};
    other.ask("a", {alone});
    for (auto const* name : {"b", "c", "e", "f"}) other.ask(name, {web});
    CHECK(other.held.loads("web", other.now).at(std::string("w1")).sharers == 0);
    CHECK_FALSE(other.ask("g", {alone}).good());
    alone.value = std::string("w2");
    CHECK_FALSE(other.ask("g", {alone}).good());  // others share it
}

TEST_CASE("the same value twice in one object is said, the same name twice is not") {
    Desk d;
    auto second = exactly("n5");
    second.slot = "eth1";
    CHECK(d.ask("a", {exactly("n5"), second}).problems.at(0).code == "duplicate");
    CHECK(d.ask("a", {domain("x.test"), domain("x.test")}).give.size() == 1);
}

// ---- histories

// What was given and given back, kept apart from what the allocator is shown.
class Witness {
public:
    // Empty, or what is wrong.
    std::string see(Decision const& decision, Stock const& stock, Time now) {
        for (auto const& h : decision.release) give_back(h, now);
        for (auto const& h : decision.forget)
            if (h.value) std::erase(held_, entry(h));
        for (auto const& h : decision.give)
            if (auto wrong = h.value ? given(h, stock, now) : missing(h, stock, now); !wrong.empty()) return wrong;
        return "";
    }
    void forget(Ref const& object, Time now) {
        auto const all = held_;
        for (auto const& e : all)
            if (e.object == object) {
                std::erase(held_, e);
                returned_[{e.space, e.value}] = {now, e.quarantine};
            }
    }

private:
    struct Entry {
        std::string space;
        Value value;
        Ref object;
        std::string slot;
        bool shared;
        std::optional<milliseconds> quarantine;
        bool operator==(Entry const&) const = default;
    };
    static Entry entry(Holding const& h) { return {h.space, *h.value, h.object, h.slot, h.shared, h.quarantine}; }
    void give_back(Holding const& h, Time now) {
        std::erase(held_, entry(h));
        returned_[{h.space, *h.value}] = {now, h.quarantine};
    }
    [[nodiscard]] bool in_quarantine(std::string const& space, Value const& value, Time now) const {
        auto const it = returned_.find({space, value});
        return it != returned_.end() && (!it->second.second || now < it->second.first + *it->second.second);
    }
    [[nodiscard]] long sharers(std::string const& space, Value const& value) const {
        return std::count_if(held_.begin(), held_.end(),
                             [&](Entry const& e) { return e.space == space && e.value == value; });
    }

    std::string given(Holding const& h, Stock const& stock, Time now) {
        for (auto const& e : held_) {
            if (e.space != h.space) continue;
            if (e.value == *h.value && !(e.shared && h.shared)) return text_of(*h.value) + " is held twice";
            if (h.space == "domain" && e.object != h.object &&
                clash(std::get<std::string>(e.value), std::get<std::string>(*h.value)))
                return text_of(*h.value) + " clashes with " + text_of(e.value);
            if (h.space == "domain" && e.object != h.object && text_of(*h.value).starts_with(text_of(e.value) + "."))
                return text_of(*h.value) + " is given beneath " + text_of(e.value);
        }
        if (in_quarantine(h.space, *h.value, now)) return text_of(*h.value) + " was given in its quarantine";
        if (h.shared)
            for (auto const& other : stock.supply.pools.at({"pool", "web"}))
                if (sharers(h.space, other) < sharers(h.space, *h.value))
                    return text_of(*h.value) + " is not the least loaded";
        held_.push_back(entry(h));
        returned_.erase({h.space, *h.value});
        return "";
    }

    // Nothing could have been given.
    std::string missing(Holding const& h, Stock const& stock, Time now) const {
        auto const usable = [&](Value const& v) { return sharers(h.space, v) == 0 && !in_quarantine(h.space, v, now); };
        if (h.space == "port")
            for (std::int64_t n = 1; n <= 4; ++n)
                if (usable(n)) return "port " + std::to_string(n) + " was withheld";
        if (h.space == "address")
            for (auto const& v : stock.supply.pools.at({"pool", h.pool.substr(5)}))
                if (usable(v)) return text_of(v) + " was withheld";
        return h.space == "web" ? "a shared pool ran out" : "";
    }

    // Over reversed names: "test.x.*" is all that begins with "test.x.", and test.x itself.
    static bool clash(std::string const& a, std::string const& b) {
        auto const covers = [](std::string const& wild, std::string const& name) {
            if (!wild.ends_with(".*")) return false;
            auto const parent = wild.substr(0, wild.size() - 2);
            return name == parent || name.starts_with(parent + ".");
        };
        return a == b || covers(a, b) || covers(b, a);
    }

    std::vector<Entry> held_;
    std::map<std::pair<std::string, Value>, std::pair<Time, std::optional<milliseconds>>> returned_;
};

enum class Bug { none, no_quarantine, forgets_numbers, ignores_load, ignores_others, no_wildcards, loses_release };

// Holdings that answer as if the bug were in what asks them.
struct Buggy : ListedHoldings {
    Bug bug = Bug::none;
    [[nodiscard]] Time as_of(Time now) const { return bug == Bug::no_quarantine ? now + std::chrono::hours(1) : now; }
    [[nodiscard]] std::optional<Holding> blocking(std::string const& space, Value const& value, bool shared,
                                                  Ref const& object, Time now) const override {
        if (bug == Bug::ignores_others && space == "address") return std::nullopt;
        auto found = ListedHoldings::blocking(space, value, shared, object, as_of(now));
        if (bug == Bug::no_wildcards && found && text_of(*found->value).ends_with(".*")) return std::nullopt;
        return found;
    }
    [[nodiscard]] std::optional<std::int64_t> highest(std::string const& space, std::int64_t first,
                                                      std::int64_t last) const override {
        if (bug != Bug::forgets_numbers) return ListedHoldings::highest(space, first, last);
        ListedHoldings living;
        for (auto const& h : all)
            if (!h.released) living.all.push_back(h);
        return living.highest(space, first, last);
    }
    [[nodiscard]] std::map<Value, Load> loads(std::string const& space, Time now) const override {
        auto out = ListedHoldings::loads(space, as_of(now));
        if (bug == Bug::ignores_load && space == "web") out.clear();
        return out;
    }
};

// Three objects come, change and go, over values that are few. Empty, or the first thing that is wrong.
std::string history(std::uint32_t seed, Bug bug) {
    std::mt19937 random(seed);
    static Stock const stock;
    Buggy held;
    held.bug = bug;
    Witness witness;
    Time now = at(1000);
    auto const steps = 4 + random() % 10;
    for (unsigned i = 0; i < steps; ++i) {
        now += milliseconds(random() % 4);
        auto const object = guest(std::string(1, static_cast<char>('a' + random() % 3)));
        if (random() % 4 == 0) {
            if (bug == Bug::loses_release)
                std::erase_if(held.all, [&](Holding const& h) { return h.object == object; });
            held.release_all(object, now);
            witness.forget(object, now);
            continue;
        }
        auto const claims = random_claims(random);
        auto const decision = allocate(object, claims, held.own(object), held, stock.supply, now);
        if (!decision.good()) continue;
        if (auto wrong = witness.see(decision, stock, now); !wrong.empty()) return wrong;
        held.write(decision, now);
        auto const again = allocate(object, claims, held.own(object), held, stock.supply, now);
        if (!again.good() || !again.give.empty() || !again.release.empty())
            return "the same claims are not met by what was given";
    }
    return "";
}

TEST_CASE(
    "over 100,000 random histories no value is held twice, quarantines are kept, loads are level, nothing is "
    "withheld") {
    std::string const fine;
    for (std::uint32_t seed = 0; seed < 100000; ++seed) {
        auto const wrong = history(seed, Bug::none);
        if (wrong.empty()) continue;
        INFO("seed " << seed);
        REQUIRE(wrong == fine);
    }
}

TEST_CASE("those histories find each planted bug") {
    for (auto const bug : {Bug::no_quarantine, Bug::forgets_numbers, Bug::ignores_load, Bug::ignores_others,
                           Bug::no_wildcards, Bug::loses_release}) {
        std::uint32_t seed = 0;
        while (seed < 5000 && history(seed, bug).empty()) ++seed;
        INFO("bug " << static_cast<int>(bug));
        CHECK(seed < 5000);
    }
}

}  // namespace
}  // namespace genesis
