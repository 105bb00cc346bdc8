// Observations: who is asked for what, when enough have answered, and what is planned from it.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t few = 64;  // records of a kind that are asked for by name, however many there are

}  // namespace

Desired::Wants const* Reconciler::wants(Ref const& object, Desired::Overlay const& overlay) const {
    auto const it = overlay.find(object);
    return it != overlay.end() ? &it->second : desired_.find(object);
}

// By kind, the names to ask for: of all kinds, or of those that cannot be listed. In `needs`: each object's drivers.
Reconciler::Names Reconciler::names_of(Dirty const& scope, Desired::Overlay const& overlay,
                                       std::map<std::size_t, Dirty>& needs) const {
    Names out;
    std::set<std::size_t> drivers;      // that the object at hand needs
    std::string const* last = nullptr;  // kind
    auto need = [&](Ref const& record) {
        if (!pool_.kinds().contains(record.kind)) return;
        if (last == nullptr || *last != record.kind) drivers.insert(pool_.driver_of(record.kind));
        last = &record.kind;
        out[record.kind].push_back(record.key);
    };
    for (auto const& object : scope) {
        drivers.clear();
        last = nullptr;
        if (auto const* w = wants(object, overlay))
            for (auto const& [ref, value] : w->records) need(ref);
        for (auto const* state : states_.of(object)) need(state->ref);
        for (auto const driver : drivers) needs[driver].insert(object);
    }
    return out;
}

// For a look at everything: the names of what cannot be listed. Every object may need every driver.
Reconciler::Names Reconciler::unlisted_names(Dirty const& scope, std::map<std::size_t, Dirty>& needs) const {
    Names out;
    for (auto const& [kind, info] : pool_.kinds()) {
        needs.try_emplace(pool_.driver_of(kind), scope);
        if (info.traits.enumerable) continue;
        auto& names = out[kind];
        Ref const first{kind, ""};
        for (auto const& object : scope) {
            auto const ours = states_.of(object);
            auto own = std::ranges::lower_bound(
                ours, first, {}, [](auto const* s) -> auto& { return s->ref; });
            if (auto const* w = desired_.find(object))
                for (auto it = w->records.lower_bound(first); it != w->records.end() && it->first.kind == kind; ++it) {
                    names.push_back(it->first.key);
                    if (own != ours.end() && (*own)->ref == it->first) ++own;  // mostly they are the same
                }
            for (; own != ours.end() && (*own)->ref.kind == kind; ++own) names.push_back((*own)->ref.key);
        }
    }
    return out;
}

// By driver and kind, what to observe. A kind of which most is wanted is listed whole.
std::map<std::size_t, std::map<std::string, Scope>> Reconciler::scopes_for(Dirty const& scope, bool everything,
                                                                           Desired::Overlay const& overlay,
                                                                           Looking& looking) const {
    std::map<std::size_t, std::map<std::string, Scope>> out;
    if (everything)
        for (auto const& [kind, info] : pool_.kinds())
            if (info.traits.enumerable) out[pool_.driver_of(kind)][kind] = {};
    auto names = everything ? unlisted_names(scope, looking.objects) : names_of(scope, overlay, looking.objects);
    for (auto& [kind, keys] : names) {
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        if (keys.empty()) continue;
        auto& asked = out[pool_.driver_of(kind)][kind];
        bool const list =
            pool_.kinds().at(kind).traits.enumerable && keys.size() > few && keys.size() * 4 > states_.count(kind);
        if (list) continue;
        asked.keys = std::move(keys);
    }
    return out;
}

void Reconciler::look(ObservationId id, Dirty const& scope, bool everything, Desired::Overlay const& overlay) {
    auto& looking = looking_[id];
    looking.started = clock_.steady();
    looking.straggler = settings_.straggler;
    if (questions_.contains(id)) {
        looking.straggler = settings_.question;
        looking.close_at = looking.close_latest = looking.started + settings_.question_longest;
    }
    for (auto& [driver, scopes] : scopes_for(scope, everything, overlay, looking)) {
        if (auto const why = pool_.unavailable(driver); !why.empty()) {
            for (auto const& [kind, what] : scopes) looking.seen.unreachable[kind] = why;
            stalled_[driver].insert(looking.objects[driver].begin(), looking.objects[driver].end());
            continue;
        }
        looking.open.insert(driver);
        if (!everything && !questions_.contains(id))
            looking.expected = std::max(looking.expected, pool_.expected(driver, false));
        pool_.observe(id, driver, std::move(scopes));
    }
    if (looking.open.empty()) close(id);
}

void Reconciler::observed(ObservationId id, std::size_t driver, Observation part) {
    try {
        take_observation(id, driver, std::move(part));
    } catch (std::exception const& defect) {
        log_.write(Level::error, "an observation met a defect", {{"why", defect.what()}});
        if (auto const it = looking_.find(id); it != looking_.end()) it->second.close_at = clock_.steady();
    }
}

void Reconciler::take_observation(ObservationId id, std::size_t driver, Observation part) {
    if (auto const late = closed_.find(id); late != closed_.end()) {  // too late for its plan: look again
        if (auto const objects = late->second.extract(driver))
            for (auto const& object : objects.mapped()) wake(object, false);
        if (late->second.empty()) closed_.erase(late);
        return;
    }
    auto const it = looking_.find(id);
    if (it == looking_.end() || it->second.open.erase(driver) == 0) return;
    auto& looking = it->second;
    if (!part.unreachable.empty()) {
        stalled_[driver].insert(looking.objects[driver].begin(), looking.objects[driver].end());
        for (auto const& [kind, why] : part.unreachable)
            for (auto const& object : looking.objects[driver])
                for (auto const* state : states_.of(object))
                    if (state->ref.kind == kind) {
                        pool_.probe_with(driver, state->ref);
                        break;
                    }
    }
    looking.seen.merge(std::move(part));
    auto const now = clock_.steady();
    auto const answers_by =
        std::max<Steady>(now + std::max<Steady::duration>(looking.straggler, 2 * (now - looking.started)),
                         looking.started + looking.expected);
    looking.close_at = std::min(looking.close_latest, answers_by);
    auto const pass = passes_.find(id);
    if (pass != passes_.end() && !pass->second.result.full)  // there all objects may need all drivers
        looking.split_at = now + std::max<Steady::duration>(settings_.together, now - looking.started);
    if (looking.open.empty()) close(id);
}

void Reconciler::close_late() {
    auto const late = [&](std::size_t driver) { return !pool_.unavailable(driver).empty(); };
    auto const now = clock_.steady();
    std::vector<ObservationId> due, partly;
    for (auto const& [id, looking] : looking_)
        if (now >= looking.close_at || std::all_of(looking.open.begin(), looking.open.end(), late))
            due.push_back(id);
        else if (now >= looking.split_at)
            partly.push_back(id);
    for (auto const id : due) close(id);
    for (auto const id : partly) split(id);
}

// A slow driver holds up only the objects that need it: the others get a pass of their own.
void Reconciler::split(ObservationId id) {
    auto& looking = looking_.at(id);
    if (passes_.size() >= settings_.most_passes) return;  // when one of them ends
    looking.split_at = Steady::max();
    auto& pass = passes_.at(id);
    Dirty waiting;
    for (auto const driver : looking.open)
        waiting.insert(looking.objects[driver].begin(), looking.objects[driver].end());
    std::map<Ref, ObjectRun> seen;
    for (auto it = pass.objects.begin(); it != pass.objects.end();) {
        auto const object = it++;
        if (!waiting.contains(object->first)) seen.insert(pass.objects.extract(object));
    }
    if (seen.empty()) return;
    auto const part = next_id_++;
    ++passes_begun_;
    passes_[part].started = pass.started;
    passes_[part].objects = std::move(seen);
    plan_observed(part, seen_by(looking, looking.seen));
}

// What steps of other objects have ended on meanwhile may have been seen as it was before.
Observation Reconciler::seen_by(Looking const& looking, Observation seen) {
    for (auto const& record : looking.changed) {
        seen.found.erase(record);
        seen.unmanaged.erase(record);
        seen.in_progress.erase(record);
        seen.unseen.emplace(record, "was changed while it was observed");
    }
    return seen;
}

void Reconciler::close(ObservationId id) {
    auto looking = std::move(looking_.extract(id).mapped());
    bool const asked_for_people = questions_.contains(id);
    for (auto const driver : looking.open) {
        for (auto const& [kind, info] : pool_.kinds())
            if (pool_.driver_of(kind) == driver)
                looking.seen.unreachable.emplace(kind, pool_.name(driver) + " is busy and has not answered yet");
        closed_[id][driver] = asked_for_people ? Dirty{} : std::move(looking.objects[driver]);
    }
    auto seen = seen_by(looking, std::move(looking.seen));
    if (auto question = questions_.extract(id)) return answer(std::move(question.mapped()), std::move(seen));
    plan_observed(id, std::move(seen));
}

void Reconciler::plan_observed(PassId id, Observation seen) {
    try {
        plan_pass(id, std::move(seen));
    } catch (std::exception const& defect) {
        abandon(id, defect.what());
    }
}

bool Reconciler::is_current(StepRequest const& request) const {
    auto const pass = passes_.find(request.pass);
    if (pass == passes_.end()) return true;
    auto const run = pass->second.objects.find(request.step.object);
    if (run == pass->second.objects.end()) return true;
    try {
        auto const stored = store_.find(request.step.object);
        return !stored || (stored->generation == run->second.generation && !stored->paused && !store_.all_paused());
    } catch (Fault const&) {
        return false;  // it is not known
    }
}

bool Reconciler::more_to_come(std::size_t driver) const {
    return std::any_of(passes_.begin(), passes_.end(), [&](auto const& entry) {
        return entry.second.run && entry.second.run->waits(pool_.name(driver));
    });
}

void Reconciler::recovered(std::size_t driver) {
    auto const objects = stalled_.extract(driver);
    if (!objects) return;
    for (auto const& object : objects.mapped()) wake(object, false);
}

// ---- questions

void Reconciler::examine(std::optional<Ref> const& object, Answer answer) {
    if (object) {
        auto scope = pending_;
        scope.insert(*object);
        refresh(scope);
    } else {
        refresh(std::nullopt);
    }
    Question question;
    question.everything = !object;
    question.answer = std::move(answer);
    if (object)
        question.scope.insert(*object);
    else
        for (auto const& [ref, w] : desired_.all()) question.scope.insert(ref);
    auto const id = next_id_++;
    auto const& asked = questions_[id] = std::move(question);
    look(id, Dirty(asked.scope), asked.everything, Desired::Overlay{});
    pool_.pump();
}

void Reconciler::preview(Object const& object, Answer answer) {
    auto stored = pending_;
    stored.insert(object.ref);
    refresh(stored);
    Question question;
    question.overlay = desired_.overlay(object);
    question.answer = std::move(answer);
    for (auto const& [ref, w] : question.overlay) question.scope.insert(ref);
    auto const id = next_id_++;
    auto const scope = question.scope;
    auto const& asked = questions_[id] = std::move(question);
    auto const overlay = asked.overlay;
    look(id, scope, false, overlay);
    pool_.pump();
}

void Reconciler::answer(Question question, Observation observed) {
    try {
        move_records();
        auto const as_wanted = take_as_wanted(question.scope, question.overlay, observed);
        auto input = input_for(question.scope, question.overlay, std::move(observed), as_wanted);
        auto const unreachable = input.observed.unreachable;
        recall(input);
        auto plan = plan_for(input);
        plan.unreachable = unreachable;
        question.answer(std::move(plan), nullptr);
    } catch (...) {
        question.answer({}, std::current_exception());
    }
}

// What cannot be observed now is taken to be as it last was: as wanted where it was in sync, and unseen otherwise.
void Reconciler::recall(PlanningInput& input) const {
    if (input.observed.unreachable.empty()) return;
    auto const unreachable = std::exchange(input.observed.unreachable, {});
    auto take = [&](Ref const& ref, Ref const& object) {
        auto const why = unreachable.find(ref.kind);
        if (why == unreachable.end()) return;
        auto const* w = desired_.find(object);
        if (w != nullptr && w->records.contains(ref) && state(ref) == in_sync)
            input.observed.found.emplace(ref, w->records.at(ref));
        else
            input.observed.unseen.emplace(ref, why->second);
    };
    for (auto const& [ref, wanted] : input.want) take(ref, wanted.object);
    for (auto const& [ref, history] : input.ours) take(ref, history.object);
}

}  // namespace genesis
