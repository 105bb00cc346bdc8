// A pass: from the objects it takes, over the plan, to the end of each of them.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t steps_most = 1000;  // bytes of step names in one log line
constexpr std::chrono::milliseconds defect_pause{1000};

}  // namespace

bool Reconciler::begin(Dirty scope, bool everything) {
    auto const id = next_id_++;
    auto& pass = passes_[id];
    pass.result.full = everything;
    pass.started = clock_.steady();
    ++passes_begun_;
    for (auto const& ref : scope) {
        pass.objects[ref].generation = desired_.find(ref)->subject.generation;
        in_flight_.insert(ref);
    }
    look(id, scope, everything, {});
    pool_.pump();
    return true;
}

void Reconciler::plan_pass(PassId id, Observation observed) {
    auto& pass = passes_.at(id);
    Dirty scope;
    for (auto const& [ref, run] : pass.objects) scope.insert(ref);
    move_records();
    mark_unasked(pass, observed);
    auto as_wanted = take_as_wanted(scope, {}, observed);
    auto input = input_for(scope, {}, std::move(observed), as_wanted);
    pass.planned = clock_.now();
    auto plan = plan_for(input);
    note_plan(pass, plan, input, std::move(as_wanted));
    pass.run.emplace(std::move(plan));
    hand_over(id, pass);
    finish_objects(id);
}

// A record goes from one object to another with what claims it, a domain for instance. It is the new one's once no step
// of the former is on it.
void Reconciler::move_records() {
    for (auto it = moving_.begin(); it != moving_.end();) {
        auto const* owner = desired_.owner(*it);
        auto const* known = states_.find(*it);
        bool const moves = owner != nullptr && known != nullptr && known->object != *owner;
        if (moves && (steps_on_.contains(*it) || left_.contains(*it))) {
            ++it;
            continue;
        }
        if (moves) {
            states_.move(*it, *owner);
            wake(*owner, false);
        }
        it = moving_.erase(it);
    }
}

// What an object wants or has since it was observed was not looked for: unseen is not absent.
void Reconciler::mark_unasked(Pass const& pass, Observation& observed) {
    for (auto const& [object, run] : pass.objects) {
        if (!run.asked) continue;
        auto const mark = [&, &asked = *run.asked, &who = object](Ref const& record) {
            if (asked.contains(record) || observed.found.contains(record)) return;
            if (observed.unmanaged.contains(record) || !observed.sees(record)) return;
            observed.unseen.emplace(record, "was not looked for yet");
            wake(who, false);
        };
        for (auto const* state : states_.of(object)) mark(state->ref);
        if (auto const* wants = desired_.find(object))
            for (auto const& [record, value] : wants->records) mark(record);
    }
}

// What the plan itself says: what is in sync, gone, or held.
void Reconciler::note_plan(Pass& pass, Plan const& plan, PlanningInput const& input, AsWanted as_wanted) {
    for (auto const& ref : plan.in_sync) {
        auto const& object = input.want.at(ref).object;
        differing_.erase(ref);
        states_.in_sync(ref, object, desired_.value_of(ref));
        wake_waiters(ref);
    }
    for (auto const& ref : plan.gone) {
        states_.gone(ref);
        differing_.erase(ref);
        wake_waiters(ref);
    }
    for (auto const& [step, cause, joins, driver] : plan.steps) {
        differing_.insert(step.ref);
        steps_on_.emplace(step.ref, step.object);
        pass.objects.at(step.object).steps_on.push_back(step.ref);
    }
    for (auto const& hold : plan.holds) note_hold(pass, hold, input.observed);
    pass.result.held = plan.holds.size();
    forget_what_is_gone(pass, plan, input.observed);
    for (auto const& [ref, run] : pass.objects) states_.forget_missed(ref, pass.planned);
    for (auto& [object, lines] : status_lines(plan, input.observed, pool_.kinds(), states_, *this, pass.planned))
        if (auto const run = pass.objects.find(object); run != pass.objects.end()) run->second.lines = std::move(lines);
    for (auto& [object, values] : as_wanted.reported) pass.objects.at(object).lines.reported = std::move(values);
    for (auto& [object, records] : as_wanted.records) {
        auto& lines = pass.objects.at(object).lines;
        lines.observed_at = pass.planned;
        std::move(records.begin(), records.end(), std::back_inserter(lines.in_sync));
    }
    for (auto& [object, run] : pass.objects)
        if (auto const* wants = desired_.find(object); wants != nullptr && !wants->fault.empty())
            note_line(run, object, SyncState::failing, "no records could be made of its spec: " + wants->fault);
    Dirty worked_on;
    for (auto const& planned : plan.steps) worked_on.insert(planned.step.object);
    for (auto const& object : worked_on)  // shown at once, and stored when it is at rest
        publisher_.publish(*input.subjects.at(object), pass.objects.at(object).lines, true);
}

// Of what was removed though nothing was remembered of it, such as an adopted record, and of what was never made.
void Reconciler::forget_what_is_gone(Pass const& pass, Plan const& plan, Observation const& observed) {
    auto const is_planned = [&](Ref const& record) {
        return std::any_of(plan.steps.begin(), plan.steps.end(), [&](auto const& s) { return s.step.ref == record; }) ||
               std::any_of(plan.holds.begin(), plan.holds.end(), [&](auto const& h) { return h.ref == record; });
    };
    states_.forget_removals([&](Ref const& record, Ref const& object) {
        return pass.objects.contains(object) && observed.sees(record) && !is_planned(record);
    });
    if (!pass.result.full) return;
    std::erase_if(differing_, [&](Ref const& record) {
        return desired_.owner(record) == nullptr && states_.find(record) == nullptr && !is_planned(record);
    });
}

void Reconciler::note_hold(Pass& pass, Hold const& hold, Observation const& observed) {
    auto const run = pass.objects.find(hold.object);
    if (run == pass.objects.end()) return;
    run->second.held = true;
    if (hold.reason == HoldReason::removal_limit) {
        limited_.insert(hold.object);
        limited_at_ = desired_.leaving().size();
    }
    if (hold.reason != HoldReason::unseen) differing_.insert(hold.ref);
    if (hold.reason == HoldReason::in_progress || hold.reason == HoldReason::overdue)
        states_.observe_again(hold.ref, hold.object, observed.in_progress.at(hold.ref).observe_after);
    if (hold.reason == HoldReason::conflict) states_.observe_again(hold.ref, hold.object, settings_.conflict);
    if (hold.reason == HoldReason::unseen && !observed.unreachable.contains(hold.ref.kind))
        states_.observe_again(hold.ref, hold.object, settings_.unseen);
    if (hold.waits_for) wait_for(*hold.waits_for, hold.object);
}

// Another object's record, though it may be in the same pass: it can take several until that is as wanted.
void Reconciler::wait_for(Ref const& record, Ref const& object) {
    auto const* owner = desired_.owner(record);
    if (owner == nullptr || *owner != object) waiters_[record].insert(object);
}

void Reconciler::wake_waiters(Ref const& record) {
    if (auto const waiting = waiters_.extract(record))
        for (auto const& object : waiting.mapped()) wake(object, false);
}

// A step of a driver that is late by now is left to it: its object is looked at again when that answers.
void Reconciler::hand_over(PassId id, Pass& pass) {
    for (auto ready = pass.run->take_ready(); !ready.empty(); ready = pass.run->take_ready())
        for (auto const index : ready) {
            auto const& planned = pass.run->at(index);
            StepRequest request{id, index, planned.step, planned.cause};
            auto const driver = pool_.driver_of(request.step.ref.kind);
            if (pool_.is_late(driver)) {
                stalled_[driver].insert(request.step.object);
                leave(request, pool_.name(driver) + " does not answer");
            } else {
                pool_.apply(std::move(request));
            }
        }
}

void Reconciler::note_skipped(Pass& pass) {
    for (auto const& [index, after] : pass.run->take_skipped()) {
        auto const& step = pass.run->at(index).step;
        wait_for(after, step.object);
        if (auto const run = pass.objects.find(step.object); run != pass.objects.end())
            note_line(run->second, step.ref, SyncState::waiting, "waits for " + after.str());
    }
}

// Those without an open step are free again.
void Reconciler::finish_objects(PassId id) {
    auto& pass = passes_.at(id);
    note_skipped(pass);
    for (auto it = pass.objects.begin(); it != pass.objects.end();) {
        if (pass.run->open(it->first) > 0) {
            ++it;
            continue;
        }
        auto node = pass.objects.extract(it++);
        finish(node.key(), node.mapped());
    }
    if (pass.objects.empty()) end_pass(id);
}

void Reconciler::finish(Ref const& object, ObjectRun& run) {
    in_flight_.erase(object);
    for (auto const& record : run.steps_on) {
        if (left_.contains(record)) continue;
        steps_on_.erase(record);
        leave_to_owner(record, object);
    }
    write_log(object, run);
    auto const* wants = desired_.find(object);
    if (wants != nullptr && !(object == desired_.node() && run.lines.size() == 0))
        publisher_.publish(wants->subject, std::move(run.lines), run.worked);
    // What was done is observed once more, at once: an object is ready when it was seen to be.
    if (run.worked) {
        pending_.insert(object);
        if (!woken_first_) woken_first_ = woken_last_ = clock_.steady();
    } else if (pending_.contains(object) && !woken_first_) {
        woken_first_ = woken_last_ = clock_.steady();
    }
    finish_removed(object, run);
}

// A step of the former object has ended on a record that another one wants by now.
void Reconciler::leave_to_owner(Ref const& record, Ref const& former) {
    auto const* owner = desired_.owner(record);
    if (owner == nullptr || *owner == former) return;
    moving_.insert(record);
    for (auto& [id, looking] : looking_) looking.changed.insert(record);
    wake(*owner, false);
}

void Reconciler::finish_removed(Ref const& object, ObjectRun const& run) {
    auto const* wants = desired_.find(object);
    if (wants == nullptr || wants->subject.phase != Phase::purged || run.held || run.worked) return;
    move_records();
    auto const works_on_it = [&](auto const& entry) {
        auto const step = steps_on_.find(entry.first);
        return step != steps_on_.end() && step->second == object;
    };
    if (!states_.of(object).empty() || std::any_of(left_.begin(), left_.end(), works_on_it)) return;
    try {
        save();  // its records' rows go first
        if (!store_.forget(object, wants->subject.generation)) return wake(object, false);
    } catch (std::exception const& error) {
        log_.write(Level::error, "an object that is gone could not be forgotten",
                   {{"object", object.str()}, {"why", error.what()}});
        return wake(object, false);
    }
    states_.forget_object(object);
    drop(object);
    wake_node();
    pending_.erase(object);
    log_.write(Level::info, "an object is gone", {{"object", object.str()}});
}

void Reconciler::end_pass(PassId id) {
    auto node = passes_.extract(id);
    auto& result = node.mapped().result;
    result.took = clock_.steady() - node.mapped().started;
    if (settings_.metrics != nullptr) settings_.metrics->pass(result.full, result.took);
    if (on_pass_) on_pass_(result);
}

// A defect in planning for it: its objects are free again, and taken once more after a pause. Steps that were handed
// over already end by themselves.
void Reconciler::abandon(PassId id, std::string const& why) {
    log_.write(Level::error, "a pass met a defect", {{"why", why}});
    auto const pass = passes_.extract(id);
    if (!pass) return;
    for (auto const& [object, run] : pass.mapped().objects) {
        in_flight_.erase(object);
        for (auto const& record : run.steps_on)
            if (!left_.contains(record)) steps_on_.erase(record);
        wake(object, false);
    }
    not_before_ = clock_.steady() + defect_pause;
}

// One line for each object something was done to, with the request that brought the generation worked on.
void Reconciler::write_log(Ref const& object, ObjectRun const& run) const {
    if (run.done + run.failed == 0) return;
    log_.write(Level::info, "steps were taken",
               {{"object", object.str()},
                {"request", request_of(object)},
                {"done", std::to_string(run.done)},
                {"failed", std::to_string(run.failed)},
                {"steps", run.steps.substr(0, steps_most)}});
}

}  // namespace genesis
