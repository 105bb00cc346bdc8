// The machine in memory.
#include "tests/support/memory_driver.hpp"

#include "drivers/catalog.hpp"

#include <algorithm>
#include <thread>

namespace genesis::test {

std::vector<Schema const*> MemoryDriver::kinds() const {
    std::vector<Schema const*> out;
    for (auto const& k : kinds_) out.push_back(k.schema);
    return out;
}

KindTraits MemoryDriver::traits(std::string_view kind) const {
    for (auto const& k : kinds_)
        if (k.schema->kind == kind) return k.traits;
    return {};
}

Observation MemoryDriver::observe(std::string_view kind, Scope const& scope, Context&) {
    std::lock_guard lock(world_.mutex);
    if (auto it = world_.unreachable.find(name_); it != world_.unreachable.end()) throw Fault(it->second);
    Observation look;
    bool const all = scope.everything() && traits(kind).enumerable;
    // Those of the kind that are asked for, found without going through the others.
    auto each = [&](auto const& map, auto visit) {
        if (all)
            for (auto it = map.lower_bound({std::string(kind), {}}); it != map.end() && it->first.kind == kind; ++it)
                visit(*it);
        for (auto const& key : scope.keys)
            if (auto const it = map.find({std::string(kind), key}); it != map.end()) visit(*it);
    };
    each(world_.records, [&](auto const& entry) {
        if (!world_.unseen.contains(entry.first)) look.found.insert(entry);
    });
    each(world_.unmanaged, [&](auto const& entry) { look.unmanaged.insert(entry); });
    for (auto const& ref : world_.unseen)
        if (ref.kind == kind && (all || std::find(scope.keys.begin(), scope.keys.end(), ref.key) != scope.keys.end()))
            look.unseen.emplace(ref, "could not be observed this time");
    return look;
}

Outcome MemoryDriver::apply_one(AnyStep const& step) {
    if (world_.dying_driver.empty() || world_.dying_driver == name_) {
        if (world_.die_after == 0) world_.dead = true;
        if (world_.dead) return {Outcome::retry, "dead"};
        if (world_.die_after > 0) --world_.die_after;
    }
    if (auto& left = world_.fail[name_]; left > 0) {
        --left;
        return {Outcome::retry, "injected"};
    }
    ++world_.mutations;
    if (step.verb == Verb::remove) {
        world_.records.erase(step.ref);
        return {};
    }
    json::object stored;
    for (auto const* schema : kinds()) {
        if (schema->kind != step.ref.kind) continue;
        for (auto const& f : schema->fields)
            if (auto const* v = step.want.if_contains(f.name); v != nullptr && !has(f.attributes, Attribute::write_only))
                stored[f.name] = *v;
    }
    world_.records[step.ref] = std::move(stored);
    world_.unmanaged.erase(step.ref);
    return {};
}

std::vector<Outcome> MemoryDriver::apply(std::span<AnyStep const> steps, Context&) {
    while (world_.hang && world_.hanging_driver == name_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::lock_guard lock(world_.mutex);
    world_.calls.push_back("apply " + steps.front().ref.kind + " " + std::to_string(steps.size()));
    std::vector<Outcome> out;
    for (auto const& step : steps) out.push_back(apply_one(step));
    return out;
}

CommitResult MemoryDriver::commit(Context&) {
    std::lock_guard lock(world_.mutex);
    world_.calls.push_back("commit " + name_);
    CommitResult out;
    for (auto const& [ref, outcome] : world_.record_outcomes) out.record_outcomes.emplace_back(ref, outcome);
    return out;
}

std::vector<std::unique_ptr<AnyDriver>> memory_drivers(MemoryWorld& world) {
    std::vector<std::unique_ptr<AnyDriver>> out;
    for (auto const& real : all_drivers({})) {
        std::vector<MemoryDriver::Kind> kinds;
        for (auto const* schema : real->kinds()) kinds.push_back({schema, real->traits(schema->kind)});
        out.push_back(std::make_unique<MemoryDriver>(std::string(real->name()), std::move(kinds), world));
    }
    return out;
}

}  // namespace genesis::test
