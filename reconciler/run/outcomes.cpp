// What became of steps, and what is left to drivers that are late.
#include "reconciler/run/reconciler.hpp"

namespace genesis {
namespace {

constexpr std::size_t steps_most = 1000;

std::string paths_of(std::vector<Change> const& changes) {
    std::string out;
    for (auto const& c : changes) out += " " + c.path;
    return out;
}

}  // namespace

void Reconciler::note_line(ObjectRun& run, Ref const& record, SyncState state, std::string message) {
    auto& line = run.lines.open[record];
    line.kind = record.kind;
    line.key = record.key;
    line.state = state;
    line.message = std::move(message);
    if (auto const* known = states_.find(record)) {
        line.attempts = known->attempts;
        line.since = iso(known->since);
        line.next_attempt = known->next_attempt ? iso(*known->next_attempt) : "";
    }
}

void Reconciler::note_failure(Ref const& record, Ref const& object, std::string const& why) {
    keep_asked(object);
    states_.failed(record, object, why);
    log_.write(Level::warning, "a step failed",
               {{"object", object.str()}, {"record", record.str()}, {"why", why}, {"request", request_of(object)}});
}

// True when what comes after the step can be taken. `run`: null when the object is no longer in this pass.
bool Reconciler::note_outcome(StepRequest const& request, Outcome const& outcome, ObjectRun* run) {
    auto const& step = request.step;
    if (outcome.how == Outcome::in_progress) {
        states_.in_progress(step.ref, step.object);
        states_.observe_again(step.ref, step.object, Progress{}.observe_after);
        if (run != nullptr) note_line(*run, step.ref, SyncState::progressing, outcome.why);
        return false;
    }
    if (outcome.how == Outcome::done) {
        if (run != nullptr) run->worked = true;
        if (states_.applied(step)) return true;
        note_failure(step.ref, step.object, "was applied, yet still differs in" + paths_of(step.changes));
    } else {
        note_failure(step.ref, step.object, outcome.why);
        if (outcome.how == Outcome::terminal) states_.refused(step.ref, value_hash(step.want));
    }
    if (run != nullptr)
        note_line(*run, step.ref, outcome.how == Outcome::terminal ? SyncState::refused : SyncState::failing,
                  states_.find(step.ref)->error);
    return false;
}

void Reconciler::step_ended(StepRequest const& request, Outcome const& outcome) {
    try {
        take_outcome(request, outcome);
    } catch (std::exception const& defect) {
        log_.write(Level::error, "an outcome met a defect",
                   {{"record", request.step.ref.str()}, {"why", defect.what()}});
        leave(request, std::string("a defect: ") + defect.what());
        wake(request.step.object, false);
    }
}

void Reconciler::take_outcome(StepRequest const& request, Outcome const& outcome) {
    auto const& step = request.step;
    if (settings_.metrics != nullptr) settings_.metrics->step(step.ref.kind, word_of(step.verb), word_of(outcome.how));
    bool const left = left_.erase(step.ref) > 0;
    auto const pass = left ? passes_.end() : passes_.find(request.pass);
    if (pass == passes_.end()) {
        keep_asked(step.object);
        note_outcome(request, outcome, nullptr);
        if (left) steps_on_.erase(step.ref);
        leave_to_owner(step.ref, step.object);
        wake(step.object, false);
        return;
    }
    auto& run = pass->second.objects.at(step.object);
    bool const well = note_outcome(request, outcome, &run);
    bool const failed = outcome.how == Outcome::retry || outcome.how == Outcome::terminal;
    ++(failed ? run.failed : run.done);
    ++pass->second.result.steps;
    pass->second.result.failed += failed ? 1 : 0;
    if (run.steps.size() < steps_most) {
        run.steps += (run.steps.empty() ? "" : ", ") + std::string(word_of(step.verb)) + " " + step.ref.str();
        if (outcome.how != Outcome::done) run.steps += " " + std::string(word_of(outcome.how));
    }
    pass->second.run->ended(request.index, well);
}

// A batch may show that records of others are not as they should be: one site's certificate became rubbish since, and
// the reload another site asked for had to leave it out. Their objects are looked at next, or they would stay "ready".
void Reconciler::batch_ended(std::size_t driver, BatchRun const& batch) {
    auto const& name = pool_.name(driver);
    if (settings_.metrics != nullptr && !batch.steps.empty())
        settings_.metrics->driver_commit(name, batch.fault.empty());
    if (!batch.fault.empty())
        log_.write(Level::error, "a batch could not be settled", {{"fault", name + ": " + batch.fault}});
    for (auto const& [ref, outcome] : batch.elsewhere)
        if (auto const* known = states_.find(ref)) {
            auto const object = known->object;
            note_failure(ref, object, outcome.why);
            wake(object, false);
        }
    std::vector<PassId> running;
    for (auto& [id, pass] : passes_)
        if (pass.run) running.push_back(id);
    for (auto const id : running) {
        hand_over(id, passes_.at(id));
        finish_objects(id);
    }
}

// The step is left to its driver: the rest of its object goes on without it.
void Reconciler::leave(StepRequest const& request, std::string const& why) {
    auto const pass = passes_.find(request.pass);
    if (pass == passes_.end()) return;
    auto const run = pass->second.objects.find(request.step.object);
    if (run == pass->second.objects.end()) return;
    note_line(run->second, request.step.ref, SyncState::waiting, why);
    run->second.held = true;
    pass->second.run->ended(request.index, false);
}

void Reconciler::late(std::size_t driver, std::vector<StepRequest> queued, std::vector<StepRequest> const& begun) {
    auto const why = pool_.name(driver) + " does not answer";
    std::set<PassId> touched;
    auto leave_all = [&](std::vector<StepRequest> const& requests) {
        for (auto const& request : requests) {
            stalled_[driver].insert(request.step.object);
            leave(request, why);
            touched.insert(request.pass);
        }
    };
    leave_all(queued);
    for (auto const& request : begun) left_[request.step.ref] = why;
    leave_all(begun);
    for (auto const id : touched)
        if (auto const pass = passes_.find(id); pass != passes_.end() && pass->second.run) {
            hand_over(id, pass->second);
            finish_objects(id);
        }
}

void Reconciler::overdue(std::size_t driver, std::vector<StepRequest> const& begun) {
    for (auto const& request : begun) {
        note_failure(request.step.ref, request.step.object, pool_.name(driver) + " did not answer in time");
        wake(request.step.object, false);
    }
}

}  // namespace genesis
