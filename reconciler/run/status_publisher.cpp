// Lines and conditions.
#include "reconciler/run/status_publisher.hpp"

#include <algorithm>

namespace genesis {
namespace {

using Reason = ConditionReason;

SyncState state_of(Hold const& hold) {
    switch (hold.reason) {
        case HoldReason::unseen:
            return SyncState::unseen;
        case HoldReason::conflict:
        case HoldReason::replacement:
            return SyncState::conflict;
        case HoldReason::refused:
            return SyncState::refused;
        case HoldReason::backing_off:
        case HoldReason::overdue:
            return SyncState::failing;
        case HoldReason::waits:
        case HoldReason::unallocated:
        case HoldReason::in_flight:
            return SyncState::waiting;
        case HoldReason::in_progress:
            return SyncState::progressing;
        case HoldReason::removal_limit:
        case HoldReason::holds_data:
            return SyncState::held;
        case HoldReason::paused:
        case HoldReason::orphan:
            break;
    }
    return SyncState::differs;
}

std::string fields_of(std::vector<Change> const& changes) {
    std::string out;
    for (auto const& c : changes) out += (out.empty() ? "" : ", ") + c.path;
    return out;
}

class Lines {
public:
    Lines(Observation const& observed, Kinds const& kinds, RecordStates const& states, OtherRecords const& before,
          Time now)
        : observed_(observed), kinds_(kinds), states_(states), before_(before), now_(now), now_text_(iso(now)) {}

    void in_sync(Ref const& ref) {
        auto const& state = *states_.find(ref);
        if (reports(ref.kind)) return add(state.object, ref, SyncState::in_sync, "", "");
        of(state.object).in_sync.emplace_back(ref, state.since);
    }

    void hold(Hold const& h) {
        if (h.object.kind.empty()) return;  // an orphan is nobody's
        auto const* known = states_.find(h.ref);
        bool const failed = h.reason == HoldReason::paused && known != nullptr && !known->error.empty();
        // What cannot be seen now may be as it was: nothing says that anybody changed it.
        bool const unknown = h.reason == HoldReason::unseen && h.cause == Cause::drifted;
        // Data that is no longer asked for stays whether it is seen or not.
        bool const kept = h.verb == Verb::remove && kinds_.at(h.ref.kind).traits.holds_data;
        add(h.object, h.ref, failed ? SyncState::failing : state_of(h), unknown ? "" : std::string(word_of(h.cause)),
            failed ? known->error + "; " + h.message : h.message, kept);
    }

    void step(PlannedStep const& planned) {
        auto const& s = planned.step;
        auto const* known = states_.find(s.ref);
        std::string const cause(word_of(planned.cause));
        if (known != nullptr && !known->error.empty())
            add(s.object, s.ref, known->refused_value != 0 ? SyncState::refused : SyncState::failing, cause,
                known->error);
        else
            add(s.object, s.ref, s.verb == Verb::remove ? SyncState::removing : SyncState::differs, cause,
                fields_of(s.changes));
    }

    StatusLines take() { return std::move(lines_); }

private:
    void add(Ref const& object, Ref const& ref, SyncState state, std::string cause, std::string message,
             bool kept = false) {
        RecordStatus s;
        s.kind = ref.kind;
        s.key = ref.key;
        s.state = state;
        s.cause = std::move(cause);
        s.message = std::move(message);
        if (s.state != SyncState::unseen)
            s.observed_at = now_text_;
        else
            s.was_in_sync = kept || before_.state(ref) == OtherRecords::in_sync;
        if (auto const* known = states_.find(ref)) {
            s.attempts = known->attempts;
            // Else it is the time since when it was in sync: the cache knows how long this has been said.
            if (known->attempts > 0 || state == SyncState::in_sync) s.since = iso(known->since);
        }
        if (auto const next = states_.next_look(ref)) s.next_attempt = iso(*next);
        if (auto it = observed_.in_progress.find(ref); it != observed_.in_progress.end()) {
            s.percent = it->second.percent;
            if (state == SyncState::progressing) s.since = iso(it->second.since);
        }
        if (auto it = observed_.found.find(ref); it != observed_.found.end() && reports(ref.kind))
            s.reported = reported_of(*kinds_.find(ref.kind)->second.schema, it->second.unpack());
        of(object).open.insert_or_assign(ref, std::move(s));
    }
    [[nodiscard]] bool reports(std::string const& kind) const { return kinds_.find(kind)->second.reports; }
    ObjectLines& of(Ref const& object) {
        auto& lines = lines_[object];
        lines.observed_at = now_;
        return lines;
    }

    Observation const& observed_;
    Kinds const& kinds_;
    RecordStates const& states_;
    OtherRecords const& before_;
    Time now_;
    std::string now_text_;
    StatusLines lines_;
};

bool is_failing(SyncState s) { return s == SyncState::failing || s == SyncState::refused || s == SyncState::conflict; }
// What cannot be observed now stays as it was known to be: an outage of a server makes no account unready.
bool is_ready(RecordStatus const& line) {
    return line.state == SyncState::in_sync || line.state == SyncState::held ||
           (line.state == SyncState::unseen && line.was_in_sync);
}

Condition condition(ConditionType type, bool status, ConditionReason reason, std::string message) {
    return {type, status ? Truth::yes : Truth::no, reason, std::move(message), 0, ""};
}

std::string sentence(RecordStatus const& l) {
    auto const percent =
        l.percent && l.state == SyncState::progressing ? " (" + std::to_string(*l.percent) + " %)" : "";
    return l.kind + "/" + l.key + " " + std::string(word_of(l.state)) + (l.message.empty() ? "" : ": " + l.message) +
           percent;
}

Condition readiness(ObjectLines const& lines, RecordStatus const* worst) {
    std::size_t open = 0;
    RecordStatus const *first = nullptr, *working = nullptr, *unseen = nullptr;
    for (auto const& [ref, line] : lines.open) {
        if (line.state == SyncState::unseen && unseen == nullptr) unseen = &line;
        if (is_ready(line)) continue;
        ++open;
        if (first == nullptr) first = &line;
        if (working == nullptr && line.state == SyncState::progressing) working = &line;
    }
    if (open == 0 && unseen != nullptr)
        return condition(ConditionType::ready, true, Reason::as_last_observed,
                         "was as the spec says; " + sentence(*unseen));
    if (open == 0) return condition(ConditionType::ready, true, Reason::as_wanted, "everything is as the spec says");
    auto const* named = worst != nullptr ? worst : working != nullptr ? working : first;
    return condition(
        ConditionType::ready, false,
        worst != nullptr     ? Reason::failing
        : working != nullptr ? Reason::progressing
                             : Reason::converging,
        std::to_string(open) + " of " + std::to_string(lines.size()) + " records differ; " + sentence(*named));
}

// What the removal of an object waits for, if it is not just under way.
std::string obstacle(ObjectLines const& lines, RecordStatus const* worst) {
    for (auto const& [ref, line] : lines.open) {
        if (worst != nullptr) break;
        if (line.state == SyncState::held || line.state == SyncState::unseen) worst = &line;
    }
    return worst != nullptr ? "; " + sentence(*worst) : "";
}

bool is_off(ObjectLines const& lines) {
    return std::all_of(lines.open.begin(), lines.open.end(), [](auto const& open) {
        return open.second.state == SyncState::in_sync || open.second.state == SyncState::held;
    });
}

Condition ending(Subject const& subject, ObjectLines const& lines, RecordStatus const* worst, Time now) {
    auto const* kept = subject.phase == Phase::purged ? nullptr : subject.kept_until ? &*subject.kept_until : nullptr;
    if (kept == nullptr)
        return condition(ConditionType::ready, false, Reason::terminating, "is being removed" + obstacle(lines, worst));
    bool const off = is_off(lines);
    bool const lasts = subject.paused || *kept > now;  // what has no grace goes in a moment
    return condition(ConditionType::ready, false, off && lasts ? Reason::grace : Reason::terminating,
                     (off ? "its services are off" : "its services are being turned off") +
                         ("; its data is kept until " + iso(*kept)) +
                         ": put it again to have it back, or delete it with purge to remove the data now" +
                         obstacle(lines, worst));
}

std::vector<Condition> conditions_of(Subject const& subject, ObjectLines const& lines, bool busy, Time now) {
    RecordStatus const *worst = nullptr, *working = nullptr;
    for (auto const& [ref, line] : lines.open) {
        if (worst == nullptr && is_failing(line.state)) worst = &line;
        if (working == nullptr && line.state == SyncState::progressing) working = &line;
    }
    bool const purging = subject.phase == Phase::purged, ends = purging || subject.phase == Phase::terminating;
    std::vector<Condition> out;
    out.push_back(ends ? ending(subject, lines, worst, now) : readiness(lines, worst));
    bool const progresses = busy || working != nullptr;
    out.push_back(condition(ConditionType::progressing, progresses, progresses ? Reason::working : Reason::idle,
                            working != nullptr ? sentence(*working) : ""));
    out.push_back(condition(ConditionType::degraded, worst != nullptr,
                            worst != nullptr ? Reason::record_failing : Reason::none,
                            worst != nullptr ? sentence(*worst) : ""));
    bool const suspended = subject.phase == Phase::suspended;
    out.push_back(condition(ConditionType::suspended, suspended, suspended ? Reason::by_spec : Reason::none, ""));
    out.push_back(condition(ConditionType::terminating, ends,
                            !ends     ? Reason::none
                            : purging ? Reason::purging
                                      : Reason::grace,
                            ""));
    out.push_back(
        condition(ConditionType::paused, subject.paused, subject.paused ? Reason::by_operator : Reason::none, ""));
    return out;
}

bool same(std::vector<Condition> const& a, std::vector<Condition> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
        return x.type == y.type && x.status == y.status && x.reason == y.reason && x.message == y.message &&
               x.observed_generation == y.observed_generation;
    });
}

// What is said of work under way, or of what cannot be observed for the moment, is worth nothing after a restart.
bool is_passing(Condition const& c) {
    return c.reason == Reason::progressing || c.reason == Reason::working || c.reason == Reason::as_last_observed;
}
Reason lasting(Reason reason) { return reason == Reason::as_last_observed ? Reason::as_wanted : reason; }

bool same_to_store(std::vector<Condition> const& a, std::vector<Condition> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
        return x.type == y.type && x.status == y.status && lasting(x.reason) == lasting(y.reason) &&
               (is_passing(x) || is_passing(y) || x.message == y.message) &&
               x.observed_generation == y.observed_generation;
    });
}

}  // namespace

StatusLines status_lines(Plan const& plan, Observation const& observed, Kinds const& kinds, RecordStates const& states,
                         OtherRecords const& before, Time now) {
    Lines lines(observed, kinds, states, before, now);
    for (auto const& ref : plan.in_sync) lines.in_sync(ref);
    for (auto const& h : plan.holds) lines.hold(h);
    for (auto const& s : plan.steps) lines.step(s);
    return lines.take();
}

void StatusPublisher::seed(Object const& object) {
    if (stored_.contains(object.ref)) return;
    stored_[object.ref] = {object.observed_generation, std::make_shared<std::vector<Condition>>(object.conditions)};
}

void StatusPublisher::publish(Subject const& subject, ObjectLines lines, bool busy) {
    auto conditions = conditions_of(subject, lines, busy, clock_.now());
    auto& before = stored_[subject.ref];
    auto const now = iso(clock_.now());
    for (auto& c : conditions) {
        c.observed_generation = subject.generation;
        auto old = std::find_if(before.conditions->begin(), before.conditions->end(),
                                [&](auto const& b) { return b.type == c.type; });
        c.changed_at = old != before.conditions->end() && old->status == c.status ? old->changed_at : now;
    }
    auto shown = same(conditions, *before.conditions) ? before.conditions
                                                      : std::make_shared<std::vector<Condition>>(std::move(conditions));
    if (!busy && (before.generation != subject.generation || !same_to_store(*shown, *before.conditions))) {
        unsaved_.push_back({subject.ref, subject.generation, *shown});
        before = {subject.generation, shown};
    }
    cache_.set(subject.ref, subject.generation, std::move(shown), std::move(lines), now);
}

void StatusPublisher::erase(Ref const& object) {
    stored_.erase(object);
    std::erase_if(unsaved_, [&](auto const& u) { return u.ref == object; });
    cache_.erase(object);
}

std::optional<Versions> StatusPublisher::flush() {
    if (unsaved_.empty()) return std::nullopt;
    auto const wrote = store_.set_statuses(unsaved_);
    unsaved_.clear();
    return wrote;
}

}  // namespace genesis
