// What a pass has to say of each object: one line a record, and the conditions they add up to.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t steps_most = 1000;  // bytes of step names in one log line

std::string state_of_hold(Hold const& hold) {
    if (hold.reason == "unseen" || hold.reason == "conflict" || hold.reason == "refused") return hold.reason;
    if (hold.reason == "replacement") return "conflict";
    if (hold.reason == "backing_off") return "failing";
    if (hold.reason == "waits") return "waiting";
    if (hold.reason == "removal_limit" || hold.reason == "holds_data") return "held";
    return "differs";
}

std::string fields_of(std::vector<Change> const& changes) {
    std::string out;
    for (auto const& c : changes) out += (out.empty() ? "" : ", ") + c.path;
    return out;
}

// How bad a state is for the object as a whole.
bool failing(std::string const& state) { return state == "failing" || state == "refused" || state == "conflict"; }
bool unready(RecordStatus const& line) { return line.state != "in_sync" && line.state != "held"; }

Condition condition(std::string type, bool status, std::string reason, std::string message) {
    return {std::move(type), status ? "true" : "false", std::move(reason), std::move(message), 0, ""};
}

std::vector<Condition> conditions_of(Subject const& subject, Board::Lines const& lines, bool busy) {
    std::size_t open = 0;
    RecordStatus const *worst = nullptr, *first = nullptr;
    for (auto const& [ref, line] : lines) {
        if (!unready(line)) continue;
        ++open;
        if (first == nullptr) first = &line;
        if (worst == nullptr && failing(line.state)) worst = &line;
    }
    auto const* named = worst != nullptr ? worst : first;
    auto say = [](RecordStatus const& l) {
        return l.kind + "/" + l.key + " " + l.state + (l.message.empty() ? "" : ": " + l.message);
    };
    bool const ends = subject.phase == Phase::terminating || subject.phase == Phase::purged;
    std::vector<Condition> out;
    if (ends)
        out.push_back(condition("ready", false, "Terminating", "is being removed"));
    else if (open == 0)
        out.push_back(condition("ready", true, "AsWanted", "everything is as the spec says"));
    else
        out.push_back(condition(
            "ready", false, worst != nullptr ? "Failing" : "Converging",
            std::to_string(open) + " of " + std::to_string(lines.size()) + " records differ; " + say(*named)));
    out.push_back(condition("progressing", busy, busy ? "Working" : "Idle", ""));
    out.push_back(condition("degraded", worst != nullptr, worst != nullptr ? "RecordFailing" : "None",
                            worst != nullptr ? say(*worst) : ""));
    out.push_back(condition("suspended", subject.phase == Phase::suspended,
                            subject.phase == Phase::suspended ? "Spec" : "None", ""));
    out.push_back(
        condition("terminating", ends, ends ? (subject.phase == Phase::purged ? "Purging" : "Grace") : "None", ""));
    out.push_back(condition("paused", subject.paused, subject.paused ? "Operator" : "None", ""));
    return out;
}

bool same(std::vector<Condition> const& a, std::vector<Condition> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
        return x.type == y.type && x.status == y.status && x.reason == y.reason && x.message == y.message &&
               x.observed_generation == y.observed_generation;
    });
}

}  // namespace

std::string Reconciler::request_of(Ref const& object) const {
    auto const known = subjects_.find(object);
    return known == subjects_.end() ? std::string() : known->second.request;
}

// One line for each object something was done to, with the request that brought the generation worked on.
void Reconciler::write_log(Report const& report) const {
    struct Sum {
        std::size_t done = 0, failed = 0;
        std::string steps;
    };
    std::map<Ref, Sum> lines;
    for (auto const& [step, outcome] : report.outcomes) {
        auto& line = lines[step.object];
        bool const done = outcome.how == Outcome::done;
        ++(done ? line.done : line.failed);
        if (line.steps.size() > steps_most) continue;
        line.steps += (line.steps.empty() ? "" : ", ") + std::string(word_of(step.verb)) + " " + step.ref.str();
        if (!done) line.steps += " " + std::string(word_of(outcome.how));
    }
    for (auto const& [object, line] : lines)
        log_.write(Level::info, "steps were taken",
                   {{"object", object.str()},
                    {"request", request_of(object)},
                    {"done", std::to_string(line.done)},
                    {"failed", std::to_string(line.failed)},
                    {"steps", line.steps}});
}

void Reconciler::count(Report const& report, bool full, Steady started) const {
    auto* metrics = settings_.metrics;
    if (metrics == nullptr) return;
    for (auto const& [step, outcome] : report.outcomes)
        metrics->step(step.ref.kind, word_of(step.verb), word_of(outcome.how));
    for (auto const& [driver, fine] : report.settles) metrics->settle(driver, fine);
    metrics->pass(full, clock_.steady() - started);
}

void Reconciler::publish(Dirty const& scope, Plan const& plan, Report const& report) {
    std::map<Ref, Board::Lines> lines;
    std::set<Ref> busy;
    auto const now = iso(clock_.now());
    auto line = [&](Ref const& object, Ref const& ref, std::string state, std::string cause, std::string message) {
        RecordStatus s;
        s.kind = ref.kind;
        s.key = ref.key;
        s.state = std::move(state);
        s.cause = std::move(cause);
        s.message = std::move(message);
        if (s.state != "unseen") s.observed_at = now;
        if (auto it = states_.find(ref); it != states_.end()) {
            s.attempts = it->second.attempts;
            s.since = iso(it->second.since);
            if (it->second.next_attempt) s.next_attempt = iso(*it->second.next_attempt);
        }
        lines[object].insert_or_assign(ref, std::move(s));
    };
    for (auto const& ref : plan.in_sync) line(states_.at(ref).object, ref, "in_sync", "", "");
    for (auto const& h : plan.holds) {
        if (h.object.kind.empty()) continue;
        auto const known = states_.find(h.ref);
        bool const failed = h.reason == "paused" && known != states_.end() && !known->second.error.empty();
        line(h.object, h.ref, failed ? "failing" : state_of_hold(h), std::string(word_of(h.cause)),
             failed ? known->second.error + "; " + h.message : h.message);
    }
    for (auto const& b : plan.batches)
        for (std::size_t i = 0; i < b.steps.size(); ++i) {
            auto const& s = b.steps[i];
            auto known = states_.find(s.ref);
            auto const error = known != states_.end() ? known->second.error : "";
            busy.insert(s.object);
            if (known != states_.end() && known->second.refused_generation != 0)
                line(s.object, s.ref, "refused", b.causes[i], error);
            else if (!error.empty())
                line(s.object, s.ref, "failing", b.causes[i], error);
            else
                line(s.object, s.ref, s.verb == Verb::remove ? "removing" : "differs", b.causes[i],
                     fields_of(s.changes));
        }
    for (auto const& [step, why] : report.skipped) line(step.object, step.ref, "waiting", "", why);
    for (auto const& object : scope)
        if (subjects_.contains(object)) publish_one(object, std::move(lines[object]), busy.contains(object));
}

void Reconciler::publish_one(Ref const& object, Board::Lines lines, bool busy) {
    auto const& subject = subjects_.at(object);
    auto conditions = conditions_of(subject, lines, busy);
    auto& before = conditions_[object];
    auto const now = iso(clock_.now());
    for (auto& c : conditions) {
        c.observed_generation = subject.generation;
        auto old = std::find_if(before.begin(), before.end(), [&](auto const& b) { return b.type == c.type; });
        c.changed_at = old != before.end() && old->status == c.status ? old->changed_at : now;
    }
    if (!same(conditions, before) || observed_[object] != subject.generation) {
        store_.set_status(object, subject.generation, conditions);
        before = conditions;
        observed_[object] = subject.generation;
    }
    board_.set(object, std::move(lines), subject.generation, std::move(conditions));
}

}  // namespace genesis
