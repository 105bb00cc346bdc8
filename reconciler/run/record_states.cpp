// The memory of attempts: exact pauses, indexes instead of scans.
#include "reconciler/run/record_states.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::uint64_t as_migrated = 1;  // migrations.cpp: the value that was wanted then, whichever that was

}  // namespace

RecordStates::RecordStates(std::vector<RecordState> stored, Clock const& clock, Backoff backoff)
    : clock_(clock), backoff_(backoff), random_(backoff.seed != 0 ? backoff.seed : std::random_device{}()) {
    for (auto& row : stored) {
        ++by_kind_[row.ref.kind];
        if (row.next_attempt) due_.emplace(*row.next_attempt, row.ref);
        auto ref = row.ref;
        list(states_.emplace(std::move(ref), std::move(row)).first->second);
    }
}

RecordState const* RecordStates::find(Ref const& record) const {
    auto const it = states_.find(record);
    return it == states_.end() ? nullptr : &it->second;
}

std::span<RecordState const* const> RecordStates::of(Ref const& object) const {
    auto const it = by_object_.find(object);
    return it == by_object_.end() ? std::span<RecordState const* const>() : it->second;
}

void RecordStates::list(RecordState& state) {
    auto& all = by_object_[state.object];
    all.insert(std::ranges::lower_bound(
                   all, state.ref, {}, [](auto const* s) -> auto& { return s->ref; }),
               &state);
}

void RecordStates::unlist(RecordState const& state) { std::erase(by_object_[state.object], &state); }

std::size_t RecordStates::count(std::string const& kind) const {
    auto const it = by_kind_.find(kind);
    return it == by_kind_.end() ? 0 : it->second;
}

RecordHistory RecordStates::history(Ref const& record, std::uint64_t wanted) const {
    auto const& s = states_.at(record);
    bool const respecified = s.in_sync_value != wanted && s.in_sync_value != as_migrated;
    return {s.object,   s.in_sync_value != 0, respecified, s.refused_value == wanted,
            s.attempts, s.next_attempt,       s.error};
}

bool RecordStates::in_sync_with(Ref const& record, std::uint64_t wanted) const {
    auto const* s = find(record);
    return s != nullptr && s->error.empty() && (s->in_sync_value == wanted || s->in_sync_value == as_migrated);
}

std::optional<Time> RecordStates::at_rest_since(RecordState const& state, std::uint64_t wanted) const {
    // Mostly these are empty: an empty map is not worth the hash of a name.
    auto const among = [&](auto const& records) { return !records.empty() && records.contains(state.ref); };
    bool const rests = state.in_sync_value == wanted && state.attempts == 0 && state.error.empty() &&
                       !among(applied_) && !among(observe_at_);
    return rests ? std::optional(state.since) : std::nullopt;
}

RecordState& RecordStates::entry(Ref const& record, Ref const& object) {
    auto [it, fresh] = states_.try_emplace(record);
    if (fresh) {
        it->second.ref = record;
        it->second.object = object;
        it->second.since = clock_.now();
        list(it->second);
        ++by_kind_[record.kind];
        dropped_.erase(record);
    }
    return it->second;
}

void RecordStates::schedule(RecordState& state, std::optional<Time> at) {
    if (state.next_attempt) {
        due_.erase({*state.next_attempt, state.ref});
        missed_.erase(state.ref);
    }
    state.next_attempt = at;
    if (at) due_.emplace(*at, state.ref);
}

void RecordStates::in_sync(Ref const& record, Ref const& object, std::uint64_t wanted) {
    not_observed_again(record);
    applied_.erase(record);
    auto const* known = find(record);
    if (known != nullptr && known->in_sync_value == wanted && known->attempts == 0 && known->error.empty()) return;
    auto& state = entry(record, object);
    state.in_sync_value = wanted;
    state.refused_value = 0;
    state.attempts = 0;
    schedule(state, std::nullopt);
    state.error.clear();
    state.since = clock_.now();
    unsaved_.insert(record);
}

bool RecordStates::applied(AnyStep const& step) {
    if (step.verb != Verb::remove)
        entry(step.ref, step.object);
    else if (!states_.contains(step.ref))
        removed_.insert_or_assign(step.ref, step.object);
    auto const what = fingerprint(step.want);  // of nothing, where it was removed
    auto const [before, first] = applied_.try_emplace(step.ref, what);
    return first || std::exchange(before->second, what) != what;
}

std::chrono::milliseconds RecordStates::pause(int attempts) {
    auto const doublings = std::min(attempts - 1, 20);
    auto const whole = std::min<std::chrono::milliseconds>(backoff_.first * (1LL << doublings), backoff_.longest);
    std::uniform_int_distribution<std::int64_t> jitter(whole.count() * 8 / 10, whole.count() * 12 / 10);
    return std::chrono::milliseconds(jitter(random_));
}

void RecordStates::failed(Ref const& record, Ref const& object, std::string const& why) {
    auto& state = entry(record, object);
    if (state.attempts == 0) state.since = clock_.now();
    ++state.attempts;
    state.error = why.substr(0, 1000);
    schedule(state, clock_.now() + pause(state.attempts));
    not_observed_again(record);
    applied_.erase(record);
    unsaved_.insert(record);
}

void RecordStates::refused(Ref const& record, std::uint64_t wanted) {
    states_.at(record).refused_value = wanted;
    unsaved_.insert(record);
}

// What failed before is not forgotten: work that fails each time would be begun again without a growing pause.
void RecordStates::in_progress(Ref const& record, Ref const& object) {
    auto& state = entry(record, object);
    applied_.erase(record);
    schedule(state, std::nullopt);
}

void RecordStates::observe_again(Ref const& record, Ref const& object, std::chrono::milliseconds after) {
    observe_at_.set(record, clock_.now() + std::max(after, std::chrono::milliseconds(100)));
    observe_for_.insert_or_assign(record, object);
}

void RecordStates::not_observed_again(Ref const& record) {
    observe_at_.erase(record);
    observe_for_.erase(record);
}

std::optional<Time> RecordStates::next_look(Ref const& record) const {
    if (auto const at = observe_at_.at(record)) return at;
    auto const* state = find(record);
    return state == nullptr ? std::nullopt : state->next_attempt;
}

void RecordStates::gone(Ref const& record) {
    not_observed_again(record);
    applied_.erase(record);
    auto it = states_.find(record);
    if (it == states_.end()) return;
    schedule(it->second, std::nullopt);
    unlist(it->second);
    --by_kind_[record.kind];
    states_.erase(it);
    unsaved_.erase(record);
    dropped_.insert(record);
}

void RecordStates::forget_removals(std::function<bool(Ref const& record, Ref const& object)> const& is_gone) {
    std::erase_if(removed_, [&](auto const& entry) {
        if (!is_gone(entry.first, entry.second)) return false;
        if (!states_.contains(entry.first)) applied_.erase(entry.first);  // else it is another object's by now
        return true;
    });
}

void RecordStates::move(Ref const& record, Ref const& object) {
    auto& state = states_.at(record);
    schedule(state, std::nullopt);
    unlist(state);
    state = RecordState();
    state.ref = record;
    state.object = object;
    list(state);
    state.since = clock_.now();
    not_observed_again(record);
    applied_.erase(record);
    unsaved_.insert(record);
}

void RecordStates::reset_backoff(std::optional<Ref> const& object) {
    if (!object) {
        for (auto& [record, state] : states_) reset(state);
    } else if (auto const own = by_object_.find(*object); own != by_object_.end()) {
        for (auto* state : own->second) reset(*state);
    }
}

void RecordStates::reset(RecordState& state) {
    schedule(state, std::nullopt);
    if (std::exchange(state.refused_value, 0) != 0) unsaved_.insert(state.ref);
    if (!applied_.empty()) applied_.erase(state.ref);
}

void RecordStates::forget_object(Ref const& object) {
    by_object_.erase(object);
    forget_removals([&](Ref const&, Ref const& of) { return of == object; });
}

void RecordStates::forget_missed(Ref const& object, Time planned) {
    auto const own = by_object_.find(object);
    if (missed_.empty() || own == by_object_.end()) return;
    for (auto* state : own->second)
        if (state->next_attempt && *state->next_attempt <= planned) schedule(*state, std::nullopt);
}

std::optional<Time> RecordStates::next_due() const {
    std::optional<Time> out;
    if (!due_.empty()) out = due_.begin()->first;
    if (auto const look = observe_at_.next(); look && (!out || *look < *out)) out = look;
    return out;
}

Dirty RecordStates::take_due(Time now) {
    Dirty out;
    while (!due_.empty() && due_.begin()->first <= now) {
        out.insert(states_.at(due_.begin()->second).object);
        missed_.insert(due_.begin()->second);
        due_.erase(due_.begin());  // the pass that takes the object decides whether an attempt is made
    }
    for (auto const& record : observe_at_.due(now)) {
        out.insert(observe_for_.at(record));
        not_observed_again(record);
    }
    return out;
}

void RecordStates::save(Ledger& ledger) {
    if (unsaved_.empty() && dropped_.empty()) return;
    std::vector<RecordState> changed;
    for (auto const& record : unsaved_) changed.push_back(states_.at(record));
    std::vector<Ref> const dropped(dropped_.begin(), dropped_.end());
    ledger.save_records(changed, dropped);
    unsaved_.clear();
    dropped_.clear();
}

}  // namespace genesis
