// What steps do to the machine, and what they must not do.
#include "tests/simulation/machine.hpp"

#include "drivers/catalog.hpp"
#include "tests/simulation/shared.hpp"

#include <algorithm>

namespace genesis::simulation {

void Machine::begin_call(Faults of_call) {
    faults = of_call;
    batch_.clear();
}

void Machine::touch(Ref const& record) {
    touched_.insert(record);
    blamed_.insert(record);
}

void Machine::drop(Ref const& record) {
    world.records.erase(record);
    touch(record);
}

// The first text or number that may change is another.
void Machine::drift(Ref const& record) {
    auto const it = world.records.find(record);
    if (it == world.records.end()) return;
    for (auto const& f : simulated_kinds().at(record.kind).schema->fields) {
        auto* value = it->second.if_contains(f.name);
        if (value == nullptr || has(f.attributes, Attribute::key) || has(f.attributes, Attribute::fixed) ||
            has(f.attributes, Attribute::reported))
            continue;
        if (value->is_string())
            *value = "changed by hand";
        else if (value->is_int64())
            *value = value->get_int64() + 1;
        else
            continue;
        return touch(record);
    }
}

void Machine::make_unmanaged(Ref const& record, Schema const& schema, Ownership ownership) {
    if (world.records.contains(record) || working_.contains(record)) return;
    made_.erase(record);  // it was removed by hand, if it was made
    json::object value{{schema.key()->name, record.key}};
    if (ownership == Ownership::journalled) {
        world.records[record] = std::move(value);
        unmanaged_.insert(record);
    } else {
        world.unmanaged[record] = {std::move(value), "is not ours"};
    }
    touch(record);
}

void Machine::remove_unmanaged() {
    for (auto const& [record, value] : world.unmanaged) touch(record);
    world.unmanaged.clear();
    for (auto const& record : unmanaged_) drop(record);
    unmanaged_.clear();
}

// A step is taken on what is there: made where there is nothing, changed and removed where there is what was observed.
// Anything else was planned from an observation that no longer held, or was done twice.
void Machine::check(AnyStep const& step) {
    ++steps;
    auto const what = std::string(word_of(step.verb)) + " " + step.ref.str() + " of " + step.object.str();
    if (may_work && !may_work(step)) verdict_.broken(what + ": a step of an object that is not in flight");
    bool const changed_since = touched_.contains(step.ref) || ended_by_itself_.contains(step.ref);
    touched_.erase(step.ref);
    ended_by_itself_.erase(step.ref);
    if (changed_since) return void(unmanaged_.erase(step.ref));
    if (unmanaged(step.ref)) verdict_.broken(what + ": a step on what is not ours");
    auto const there = world.records.find(step.ref);
    bool const exists = there != world.records.end();
    switch (step.verb) {
        case Verb::create:
            if (exists) verdict_.broken(what + ": made twice");
            break;
        case Verb::update:
            if (!exists || there->second != step.have)
                verdict_.broken(what + ": a change that was planned from an old observation");
            break;
        case Verb::remove:
            if (!exists && !working_.contains(step.ref)) verdict_.broken(what + ": removed twice");
            if (exists && there->second != step.have && step.have.size() > 1)
                verdict_.broken(what + ": a removal that was planned from an old observation");
    }
}

Outcome Machine::take(AnyStep const& step, test::MemoryDriver& driver, Context& context) {
    check(step);
    batch_.push_back(step.ref);
    if (faults.fail > 0) {
        --faults.fail;
        blamed_.insert(step.ref);
        return {Outcome::retry, "injected"};
    }
    if (faults.refuse > 0) {
        --faults.refuse;
        blamed_.insert(step.ref);
        refused_.insert(step.object);
        return {Outcome::terminal, "injected"};
    }
    if (step.verb != Verb::remove && long_kinds.contains(step.ref.kind)) return work_on(step);
    working_.erase(step.ref);
    failed_work_.erase(step.ref);
    made_.erase(step.ref);
    if (step.verb != Verb::remove) made_.emplace(step.ref, step.object);
    return driver.apply({&step, 1}, context).front();
}

Outcome Machine::work_on(AnyStep const& step) {
    auto const wanted = fingerprint(step.want);
    if (auto const it = working_.find(step.ref); it != working_.end() && it->second.fingerprint == wanted)
        verdict_.broken(step.ref.str() + ": long work was started twice");
    if (auto const ended = failed_work_.extract(step.ref); ended && ended.mapped() == wanted) {
        blamed_.insert(step.ref);
        return {Outcome::retry, "the work failed"};
    }
    made_.insert_or_assign(step.ref, step.object);
    working_.insert_or_assign(step.ref, Work{step.object, step.want, wanted, clock_.now()});
    return {Outcome::in_progress, "is under way"};
}

void Machine::end_work(Ref const& record, bool well) {
    auto const work = working_.extract(record);
    if (!work) return;
    ended_by_itself_.insert(record);
    if (!well) {
        failed_work_[record] = work.mapped().fingerprint;
        return;
    }
    auto const& want = work.mapped().want;
    auto& stored = world.records[record] = {};
    for (auto const& f : simulated_kinds().at(record.kind).schema->fields)
        if (auto const* v = want.if_contains(f.name); v != nullptr && !has(f.attributes, Attribute::write_only))
            stored[f.name] = *v;
}

Observation SimulatedDriver::observe(std::string_view kind, Scope const& scope, Context& context) {
    if (machine_.faults.unreachable) throw Fault("cannot see");
    auto out = memory_.observe(kind, scope, context);
    for (auto const& [ref, work] : machine_.working_) {
        bool const asked = (scope.everything() && traits(kind).enumerable) ||
                           std::find(scope.keys.begin(), scope.keys.end(), ref.key) != scope.keys.end();
        if (ref.kind != kind || !asked) continue;
        auto& progress = out.in_progress[ref];
        progress.why = "is under way";
        progress.since = work.since;
        progress.fingerprint = work.fingerprint;
    }
    return out;
}

std::vector<Outcome> SimulatedDriver::apply(std::span<AnyStep const> steps, Context& context) {
    auto& faults = machine_.faults;
    std::vector<Outcome> out;
    for (auto const& step : steps) {
        if (faults.power_after == 0) machine_.power_off();
        if (faults.power_after-- == 0) throw Fault("the power is off");
        if (faults.throw_after-- == 0) {
            for (auto const& all : steps) machine_.blamed_.insert(all.ref);
            throw Fault("injected");
        }
        out.push_back(machine_.take(step, memory_, context));
    }
    return out;
}

CommitResult SimulatedDriver::commit(Context&) {
    auto& faults = machine_.faults;
    if (faults.power_after >= 0) {
        machine_.power_off();
        throw Fault("the power is off");
    }
    if (faults.commit_throws) {
        machine_.blamed_.insert(machine_.batch_.begin(), machine_.batch_.end());
        throw Fault("cannot be made effective");
    }
    CommitResult out;
    if (!faults.blame_neighbour) return out;
    for (auto const& [ref, object] : machine_.made_)
        if (keeps(ref.kind) &&
            std::find(machine_.batch_.begin(), machine_.batch_.end(), ref) == machine_.batch_.end()) {
            machine_.blamed_.insert(ref);
            out.records.emplace_back(ref, Outcome{Outcome::retry, "was found to be wrong"});
            break;
        }
    return out;
}

bool SimulatedDriver::keeps(std::string_view kind) const {
    auto const all = kinds();
    return std::any_of(all.begin(), all.end(), [&](auto const* schema) { return schema->kind == kind; });
}

std::chrono::milliseconds SimulatedDriver::least_interval() const {
    return std::chrono::milliseconds(name() == "apache" ? 1000 : 0);
}

namespace {

struct Described {
    std::string name;
    std::vector<test::MemoryDriver::Kind> kinds;
};

std::vector<Described> const& described() {
    static std::vector<Described> const all = [] {
        std::vector<Described> out;
        for (auto const& real : all_drivers({})) {
            Described one{std::string(real->name()), {}};
            for (auto const* schema : real->kinds()) one.kinds.push_back({schema, real->traits(schema->kind)});
            out.push_back(std::move(one));
        }
        out.push_back({"bridges", {{&schema_of<Bridge>(), {}}}});
        return out;
    }();
    return all;
}

}  // namespace

std::vector<std::unique_ptr<AnyDriver>> simulated_drivers(Machine& machine) {
    std::vector<std::unique_ptr<AnyDriver>> out;
    for (auto const& one : described()) out.push_back(std::make_unique<SimulatedDriver>(one.name, one.kinds, machine));
    return out;
}

std::map<std::string, test::MemoryDriver::Kind> const& simulated_kinds() {
    static std::map<std::string, test::MemoryDriver::Kind> const all = [] {
        std::map<std::string, test::MemoryDriver::Kind> out;
        for (auto const& one : described())
            for (auto const& kind : one.kinds) out.emplace(kind.schema->kind, kind);
        return out;
    }();
    return all;
}

}  // namespace genesis::simulation
