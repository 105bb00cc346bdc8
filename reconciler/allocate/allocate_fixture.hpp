// What tests of the allocator share: holdings in memory, and a stock of random histories that is checked from outside.
#pragma once
#include "reconciler/allocate/allocate.hpp"

#include <algorithm>
#include <random>

namespace genesis {

// Every holding in one list, each question answered by looking through all of it.
struct ListedHoldings : Holdings {
    std::vector<Holding> all;

    [[nodiscard]] static bool blocks(Holding const& h, Ref const& object, Time now) {
        return h.released ? h.kept(now) : h.object != object;
    }
    [[nodiscard]] std::optional<Holding> blocking(std::string const& space, Value const& value, bool shared,
                                                  Ref const& object, Time now) const override {
        for (auto const& h : all)
            if (h.space == space && h.value == value && (!shared || !h.shared) && blocks(h, object, now)) return h;
        return std::nullopt;
    }
    [[nodiscard]] bool blocked_between(std::string const& space, std::string const& from, std::string const& to,
                                       Ref const& object, Time now) const override {
        return std::any_of(all.begin(), all.end(), [&](Holding const& h) {
            return h.space == space && h.value && *h.value > Value(from) && *h.value < Value(to) &&
                   blocks(h, object, now);
        });
    }
    [[nodiscard]] std::optional<std::int64_t> highest(std::string const& space, std::int64_t first,
                                                      std::int64_t last) const override {
        std::optional<std::int64_t> out;
        for (auto const& h : all) {
            auto const* n = h.value ? std::get_if<std::int64_t>(&*h.value) : nullptr;
            if (h.space == space && n != nullptr && *n >= first && *n <= last) out = std::max(out.value_or(*n), *n);
        }
        return out;
    }
    [[nodiscard]] std::map<Value, Load> loads(std::string const& space, Time now) const override {
        std::map<Value, Load> out;
        for (auto const& h : all) {
            if (h.space != space || !h.value || !h.kept(now)) continue;
            auto& load = out[*h.value];
            if (h.shared)
                ++load.sharers;
            else
                load.alone = true;
        }
        return out;
    }

    [[nodiscard]] std::vector<Holding> own(Ref const& object) const {
        std::vector<Holding> out;
        for (auto const& h : all)
            if (h.object == object && !h.released) out.push_back(h);
        return out;
    }
    void write(Decision const& decision, Time now) {
        for (auto const& h : decision.release) release(h, now);
        for (auto const& h : decision.forget) std::erase(all, h);
        for (auto const& h : decision.give) {
            if (h.value)
                std::erase_if(all, [&](Holding const& old) {
                    return old.released && old.space == h.space && old.value == h.value && !old.kept(now);
                });
            all.push_back(h);
        }
    }
    void release_all(Ref const& object, Time now) {
        for (auto const& h : own(object)) release(h, now);
        std::erase_if(all, [&](Holding const& h) { return h.released && !h.kept(now); });
    }

private:
    void release(Holding const& holding, Time now) {
        auto const it = std::find(all.begin(), all.end(), holding);
        if (it == all.end()) return;
        if (!it->value || it->quarantine == std::chrono::milliseconds{0})
            all.erase(it);
        else
            it->released = now;
    }
};

// The made-up spaces of the histories, where values are few so that they run out and come back.
inline std::vector<Claim> random_claims(std::mt19937& random) {
    using std::chrono::milliseconds;
    std::vector<Claim> out;
    auto const some = [&](int of) { return random() % static_cast<unsigned>(of) == 0; };
    static std::vector<std::string> const names{"x.test", "*.x.test", "a.x.test", "y.test", "*.a.x.test"};
    if (!some(3)) out.push_back({.space = "id", .slot = "id", .from = Claim::from_range, .quarantine = std::nullopt});
    for (auto const* slot : {"port1", "port2"})
        if (some(2))
            out.push_back({.space = "port", .slot = slot, .from = Claim::from_range, .quarantine = milliseconds{5}});
    for (auto const* slot : {"eth0", "eth1"})
        if (some(3))
            out.push_back({.space = "address",
                           .slot = slot,
                           .from = Claim::from_pool,
                           .pool = {"pool", some(3) ? "small" : "large"},
                           .quarantine = milliseconds{3}});
    if (some(4))
        out.push_back({.space = "address",
                       .slot = "asked",
                       .value = std::string(some(2) ? "n1" : "n9"),
                       .quarantine = milliseconds{3},
                       .path = "/address"});
    if (some(2))
        out.push_back(
            {.space = "web", .slot = "web", .from = Claim::from_pool, .pool = {"pool", "web"}, .shared = true});
    for (auto const& name : names)
        if (some(6)) out.push_back({.space = "domain", .value = name, .wildcards = true, .path = "/" + name});
    return out;
}

struct Stock {
    Stock() = default;
    Stock(Stock const&) = delete;
    Stock& operator=(Stock const&) = delete;
    Ranges ranges{{"id", {100, 104, [](std::int64_t n) { return n != 102; }}}, {"port", {1, 4}}};
    Supply supply{ranges,
                  {{{"pool", "small"}, {std::string("n1")}},
                   {{"pool", "large"}, {std::string("n2"), std::string("n3")}},
                   {{"pool", "web"}, {std::string("w1"), std::string("w2"), std::string("w3")}}}};
};

}  // namespace genesis
