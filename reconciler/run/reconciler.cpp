// The pass: from stored objects to a plan, and from its outcomes to what is remembered.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {

Reconciler::Reconciler(Objects& store, Ledger& ledger, Executor& executor, Clock const& clock, Log& log,
                       ReconcilerSettings settings)
    : store_(store),
      ledger_(ledger),
      executor_(executor),
      clock_(clock),
      log_(log),
      settings_(std::move(settings)),
      random_(settings_.seed != 0 ? settings_.seed : std::random_device{}()) {
    for (auto& row : ledger_.records()) {
        by_object_[row.object].insert(row.ref);
        states_.emplace(row.ref, std::move(row));
    }
}

// ---- what is wanted

Subject Reconciler::subject_of(Object const& object) const {
    Subject s;
    s.ref = object.ref;
    s.generation = object.generation;
    s.request = object.request;
    s.spec = object.spec;
    s.numbers = numbers_of(object.allocations);
    s.paused = object.paused;
    s.adopt = object.adopt;
    s.confirmed = object.confirmed_generation >= object.generation;
    auto const* state = object.spec.if_contains("state");
    if (state != nullptr && *state == "suspended") s.phase = Phase::suspended;
    if (!object.terminating) return s;
    std::chrono::days grace{7};
    auto const* package = object.spec.if_contains("package");
    if (package == nullptr)
        grace = std::chrono::days{0};  // nothing on the machine hangs on it
    else if (auto it = packages_.find(std::string(package->as_string())); it != packages_.end())
        grace = std::chrono::days{it->second.at("grace_days").to_number<std::int64_t>()};
    bool over = object.purge || clock_.now() >= *object.terminating + grace;
    s.phase = over ? Phase::purged : Phase::terminating;
    return s;
}

void Reconciler::learn(Object const& object) {
    auto subject = subject_of(object);
    auto known = subjects_.find(object.ref);
    bool const same = known != subjects_.end() && known->second.generation == subject.generation;
    if (known != subjects_.end() && !same) retry_now(object.ref);
    if (!conditions_.contains(object.ref)) {
        conditions_[object.ref] = object.conditions;
        observed_[object.ref] = object.observed_generation;
    }
    auto& records = expanded_[object.ref];
    if (!same || known->second.phase != subject.phase || records.first != packages_version_) {
        auto wanted = expand(subject, packages_, settings_.terrain);
        for (auto const& [ref, value] : wanted)
            if (auto before = records.second.find(ref); before != records.second.end() && before->second != value)
                respecified_.insert(ref);
        records = {packages_version_, std::move(wanted)};
    }
    subjects_.insert_or_assign(object.ref, std::move(subject));
}

void Reconciler::unlearn(Ref const& ref) {
    subjects_.erase(ref);
    expanded_.erase(ref);
    conditions_.erase(ref);
    observed_.erase(ref);
    board_.erase(ref);
}

void Reconciler::refresh(std::optional<Dirty> const& dirty) {
    if (!dirty) {
        auto all = store_.objects();
        Packages packages;
        for (auto const& o : all)
            if (o.ref.kind == "package") packages[o.ref.key] = o.spec;
        if (packages != packages_) ++packages_version_;
        packages_ = std::move(packages);
        Dirty living;
        for (auto const& o : all) {
            learn(o);
            living.insert(o.ref);
        }
        std::vector<Ref> lost;
        for (auto const& [ref, s] : subjects_)
            if (!living.contains(ref)) lost.push_back(ref);
        for (auto const& ref : lost) unlearn(ref);
        return;
    }
    for (auto const& ref : *dirty)
        if (ref.kind == "package") {
            packages_.erase(ref.key);
            ++packages_version_;
            if (auto o = store_.find(ref)) packages_[ref.key] = o->spec;
        }
    for (auto const& ref : *dirty) {
        if (auto o = store_.find(ref))
            learn(*o);
        else
            unlearn(ref);
    }
}

Dirty Reconciler::with_dependents(Dirty const& dirty) const {
    Dirty out = dirty;
    for (auto const& ref : dirty) {
        if (ref.kind != "package") continue;
        for (auto const& [other, s] : subjects_)
            if (auto const* package = s.spec.if_contains("package");
                package != nullptr && *package == json::value(ref.key))
                out.insert(other);
    }
    return out;
}

// ---- looking and planning

World Reconciler::world(Dirty const& scope, bool everything, std::stop_token const& stop) {
    World out;
    std::map<std::string, Scope> scopes;
    if (everything)
        for (auto const& [kind, info] : executor_.kinds())
            if (info.traits.enumerable) scopes[kind] = {};
    auto need = [&](Ref const& ref) {
        auto info = executor_.kinds().find(ref.kind);
        if (info == executor_.kinds().end()) return false;
        if (!everything || !info->second.traits.enumerable) scopes[ref.kind].keys.push_back(ref.key);
        return true;
    };
    for (auto const& object : scope) {
        auto subject = subjects_.find(object);
        if (subject == subjects_.end()) continue;
        out.subjects[object] = &subject->second;
        for (auto const& [ref, value] : expanded_[object].second) {
            if (need(ref)) out.want[ref] = {object, &value};
            if (respecified_.contains(ref)) out.respecified.insert(ref);
        }
        for (auto const& ref : by_object_[object]) {
            if (!out.want.contains(ref) && !need(ref)) continue;
            auto const& s = states_.at(ref);
            out.ours[ref] = {s.object, s.in_sync_generation, s.refused_generation, s.attempts, s.next_attempt, s.error};
        }
    }
    out.leaving = leaving();
    out.look = executor_.look(scopes, stop);
    blind_ = out.look.blind;
    return out;
}

// Of all objects, not of those this pass is about: a limit that is counted anew for each pass is none.
std::set<Ref> Reconciler::leaving() const {
    std::set<Ref> out;
    for (auto const& [object, s] : subjects_) {
        if ((s.phase != Phase::terminating && s.phase != Phase::purged) || s.confirmed) continue;
        auto const ours = by_object_.find(object);
        auto const& wanted = expanded_.at(object).second;
        if (ours != by_object_.end() && std::any_of(ours->second.begin(), ours->second.end(),
                                                    [&](Ref const& ref) { return !wanted.contains(ref); }))
            out.insert(object);
    }
    return out;
}

Plan Reconciler::plan_for(World& world) const {
    return plan(world, executor_.kinds(), Policy{settings_.max_removals, store_.all_paused(), clock_.now()});
}

Plan Reconciler::examine(std::optional<Ref> const& object, std::stop_token const& stop) {
    refresh(object ? std::optional(Dirty{*object}) : std::nullopt);
    Dirty scope;
    if (object)
        scope.insert(*object);
    else
        for (auto const& [ref, s] : subjects_) scope.insert(ref);
    auto seen = world(scope, !object, stop);
    return plan_for(seen);
}

PassResult Reconciler::pass(std::optional<Dirty> const& dirty, std::stop_token const& stop) {
    auto const started = clock_.steady();
    refresh(dirty);
    Dirty scope;
    if (dirty) {
        scope = with_dependents(*dirty);
        if (scope.size() > dirty->size()) refresh(scope);
    } else {
        for (auto const& [ref, s] : subjects_) scope.insert(ref);
    }
    auto seen = world(scope, !dirty, stop);
    auto const planned = clock_.now();
    auto const plan = plan_for(seen);
    auto const report = executor_.execute(plan, stop);
    for (auto const& fault : report.faults)
        log_.write(Level::error, "a batch could not be settled", {{"fault", fault}});
    write_log(report);
    note_in_sync(plan, seen);
    note_outcomes(report);
    for (auto const& ref : plan.gone) drop(ref);
    auto const surprised = note_elsewhere(report);
    save();
    forget_missed(scope, planned);
    publish(scope, plan, report);
    finish_removed(scope, plan);
    count(report, !dirty, started);
    PassResult result;
    result.again = surprised;
    for (auto const& [step, outcome] : report.outcomes) {
        ++result.steps;
        if (outcome.how == Outcome::done)
            result.again.insert(step.object);
        else
            ++result.failed;
    }
    result.held = plan.holds.size();
    return result;
}

// ---- remembering

RecordState& Reconciler::state_of(Ref const& ref, Ref const& object) {
    auto [it, fresh] = states_.try_emplace(ref);
    if (fresh) {
        it->second.ref = ref;
        it->second.object = object;
        it->second.since = clock_.now();
        by_object_[object].insert(ref);
    }
    return it->second;
}

void Reconciler::drop(Ref const& ref) {
    auto it = states_.find(ref);
    if (it == states_.end()) return;
    by_object_[it->second.object].erase(ref);
    states_.erase(it);
    applied_.erase(ref);
    respecified_.erase(ref);
    unsaved_.erase(ref);
    dropped_.insert(ref);
}

void Reconciler::note_in_sync(Plan const& plan, World const& world) {
    for (auto const& ref : plan.in_sync) {
        respecified_.erase(ref);
        auto const& object = world.want.at(ref).object;
        auto const generation = subjects_.at(object).generation;
        auto known = states_.find(ref);
        if (known != states_.end() && known->second.in_sync_generation == generation && known->second.attempts == 0 &&
            known->second.error.empty())
            continue;
        auto& state = state_of(ref, object);
        state.in_sync_generation = generation;
        state.refused_generation = 0;
        state.attempts = 0;
        state.next_attempt.reset();
        state.error.clear();
        state.since = clock_.now();
        applied_.erase(ref);
        unsaved_.insert(ref);
    }
}

std::chrono::milliseconds Reconciler::pause(int attempts) {
    auto const doublings = std::min(attempts - 1, 20);
    auto const whole =
        std::min<std::chrono::milliseconds>(settings_.first_pause * (1LL << doublings), settings_.longest_pause);
    std::uniform_int_distribution<std::int64_t> jitter(whole.count() * 8 / 10, whole.count() * 12 / 10);
    return std::chrono::milliseconds(jitter(random_));
}

void Reconciler::note_failure(RecordState& state, std::string const& why) {
    if (state.attempts == 0) state.since = clock_.now();
    ++state.attempts;
    state.error = why.substr(0, 1000);
    state.next_attempt = clock_.now() + pause(state.attempts);
    unsaved_.insert(state.ref);
    log_.write(Level::warning, "a step failed",
               {{"object", state.object.str()},
                {"record", state.ref.str()},
                {"why", state.error},
                {"request", request_of(state.object)}});
}

void Reconciler::note_outcomes(Report const& report) {
    for (auto const& [step, outcome] : report.outcomes) {
        bool again = applied_.contains(step.ref);
        if (outcome.how == Outcome::done && !again) {
            applied_.insert(step.ref);
            if (step.verb != Verb::remove) state_of(step.ref, step.object);
            continue;
        }
        auto& state = state_of(step.ref, step.object);
        if (outcome.how == Outcome::done) {
            std::string paths;
            for (auto const& c : step.changes) paths += " " + c.path;
            note_failure(state, "was applied, yet still differs in" + paths);
        } else {
            note_failure(state, outcome.why);
            applied_.erase(step.ref);
            if (outcome.how == Outcome::refused) state.refused_generation = subjects_.at(step.object).generation;
        }
    }
}

// A batch may show that records of others are not as they should be: one site's certificate became rubbish since, and
// the reload another site asked for had to leave it out. Their objects are looked at next, or they would stay "ready".
Dirty Reconciler::note_elsewhere(Report const& report) {
    Dirty out;
    for (auto const& [ref, outcome] : report.elsewhere) {
        auto known = states_.find(ref);
        if (known == states_.end()) continue;
        note_failure(known->second, outcome.why);
        applied_.erase(ref);
        out.insert(known->second.object);
    }
    return out;
}

void Reconciler::save() {
    if (unsaved_.empty() && dropped_.empty()) return;
    std::vector<RecordState> changed;
    for (auto const& ref : unsaved_) changed.push_back(states_.at(ref));
    std::vector<Ref> const dropped(dropped_.begin(), dropped_.end());
    ledger_.save_records(changed, dropped);
    unsaved_.clear();
    dropped_.clear();
}

void Reconciler::retry_now(std::optional<Ref> const& object) {
    auto forgive = [&](Ref const& ref) {
        states_.at(ref).next_attempt.reset();
        applied_.erase(ref);
    };
    if (object)
        for (auto const& ref : by_object_[*object]) forgive(ref);
    else
        for (auto const& [ref, state] : states_) forgive(ref);
}

// A record whose time has come but that was held for another reason is tried whenever that reason ends.
// `planned` is when the plan was made: what failed since has a later time of its own.
void Reconciler::forget_missed(Dirty const& scope, Time planned) {
    for (auto const& object : scope)
        for (auto const& ref : by_object_[object])
            if (auto& state = states_.at(ref); state.next_attempt && *state.next_attempt <= planned)
                state.next_attempt.reset();
}

std::optional<Time> Reconciler::next_due() const {
    std::optional<Time> out;
    for (auto const& [ref, state] : states_)
        if (state.next_attempt && (!out || *state.next_attempt < *out)) out = state.next_attempt;
    return out;
}

Dirty Reconciler::due(Time now) const {
    Dirty out;
    for (auto const& [ref, state] : states_)
        if (state.next_attempt && *state.next_attempt <= now) out.insert(state.object);
    return out;
}

void Reconciler::finish_removed(Dirty const& scope, Plan const& plan) {
    for (auto const& object : scope) {
        auto it = subjects_.find(object);
        if (it == subjects_.end() || it->second.phase != Phase::purged) continue;
        bool held =
            std::any_of(plan.holds.begin(), plan.holds.end(), [&](auto const& h) { return h.object == object; });
        if (held || !by_object_[object].empty()) continue;
        store_.forget(object);
        by_object_.erase(object);
        unlearn(object);
        log_.write(Level::info, "an object is gone", {{"object", object.str()}});
    }
}

}  // namespace genesis
