// Wakes and timers: when which objects are taken.
#include "reconciler/run/reconciler.hpp"

#include <algorithm>

namespace genesis {

Reconciler::Reconciler(Objects& store, Ledger& ledger, Workers& workers, StatusCache& cache, Clock const& clock,
                       Log& log, ReconcilerSettings settings, std::function<void(std::size_t)> completed)
    : store_(store),
      ledger_(ledger),
      cache_(cache),
      clock_(clock),
      log_(log),
      settings_(std::move(settings)),
      desired_(settings_.layout, settings_.node, settings_.kinds, settings_.expanders),
      states_(ledger.records(), clock, settings_.backoff),
      publisher_(store, cache, clock),
      pool_(workers, ledger, clock, log, settings_.timeouts, std::move(completed)),
      full_at_(clock.steady()) {
    pool_.set_events(*this);
}

void Reconciler::wake(Ref const& object, bool reset_backoff) {
    if (reset_backoff) {
        states_.reset_backoff(object);
        pool_.retry_now();
    }
    pending_.insert(object);
    woken_last_ = clock_.steady();
    if (!woken_first_) woken_first_ = woken_last_;
}

void Reconciler::wake_all(bool reset_backoff) {
    if (reset_backoff) {
        states_.reset_backoff(std::nullopt);
        pool_.retry_now();
    }
    if (!all_at_) all_at_ = std::max(clock_.steady() + settings_.quiet, full_began_ + settings_.full_apart);
}

void Reconciler::completed(std::size_t driver) { pool_.completed(driver); }

void Reconciler::advance() {
    pool_.advance();
    close_late();
    if (auto const now = clock_.now(); states_.next_due() && *states_.next_due() <= now)
        for (auto const& object : states_.take_due(now)) wake(object, false);
    if (clock_.steady() >= not_before_) {
        try {
            start_due();
            save();
            store_pause_ = {};
        } catch (std::exception const& error) {  // the store, most likely: everything again, after a pause
            store_pause_ =
                std::clamp(store_pause_ * 2, std::chrono::milliseconds(1000), std::chrono::milliseconds(30000));
            not_before_ = clock_.steady() + store_pause_;
            log_.write(Level::error, "a pass could not begin or be remembered", {{"why", error.what()}});
        }
    }
    pool_.pump();
}

void Reconciler::start_due() {
    auto const now = clock_.steady();
    wake_limited();
    for (auto const& object : end_graces()) wake(object, false);
    if (passes_.size() >= settings_.most_passes) return;
    if (auto const due = allocation_due(); due && now >= *due) allocate_missing();
    bool const full = now >= full_due();
    if (auto const due = wakes_due();
        full ? !pending_.empty() && passes_.size() + 1 < settings_.most_passes : due && now >= *due)
        start(pending_);
    if (full && passes_.size() < settings_.most_passes) start(std::nullopt);  // what was woken does not wait for it
}

// Fewer are to go now: there may not be too many any more.
void Reconciler::wake_limited() {
    if (limited_.empty() || desired_.leaving().size() >= limited_at_) return;
    for (auto const& object : std::exchange(limited_, {})) wake(object, false);
}

// One look at everything at a time: what asks for one meanwhile is taken together.
Steady Reconciler::full_due() const {
    bool const looks = std::any_of(passes_.begin(), passes_.end(),
                                   [](auto const& pass) { return pass.second.result.full && !pass.second.run; });
    return looks ? Steady::max() : std::min(full_at_, all_at_.value_or(full_at_));
}

// An object that is only being looked at together with all others can be taken for itself.
bool Reconciler::leave_full_look(Ref const& object) {
    for (auto& [id, pass] : passes_)
        if (pass.result.full && !pass.run && pass.objects.erase(object) > 0) return in_flight_.erase(object) > 0;
    return false;
}

// A value may have been released, its quarantine may have ended, a pool may have grown.
void Reconciler::allocate_missing() {
    allocate_at_ = clock_.steady() + settings_.allocation;
    for (auto const& object : store_.allocate_missing()) wake(object, false);
}

std::optional<Steady> Reconciler::allocation_due() const {
    return desired_.unallocated().empty() ? std::nullopt : std::optional(allocate_at_);
}

// That an object's data goes is stored first: from then on no put brings the object back while half of it is gone.
// What is decided is what is stored now: an object or the server may have been paused since it was last read.
std::vector<Ref> Reconciler::end_graces() {
    if (clock_.steady() < graces_from_ || desired_.graces().due(clock_.now()).empty()) return {};
    paused_ = store_.all_paused();
    for (auto const& object : desired_.graces().due(clock_.now())) refresh_one(object);
    auto const over = paused_ ? std::vector<Ref>() : desired_.graces().due(clock_.now());
    if (over.empty()) return {};
    std::vector<std::pair<Ref, std::int64_t>> as_seen;
    for (auto const& object : over) as_seen.emplace_back(object, desired_.find(object)->subject.generation);
    try {
        store_.end_graces(as_seen);
    } catch (Fault const& error) {
        log_.write(Level::error, "objects whose grace is over stay for now", {{"why", error.what()}});
        graces_from_ = clock_.steady() + settings_.unseen;
        return {};
    }
    for (auto const& object : over) refresh_one(object);
    return over;
}

std::optional<Steady> Reconciler::grace_due() const {
    auto const end = desired_.graces().next();
    if (!end || paused_) return std::nullopt;
    return std::max(graces_from_, clock_.steady() + std::max(*end - clock_.now(), Time::duration(0)));
}

std::optional<Steady> Reconciler::wakes_due() const {
    if (!woken_first_) return std::nullopt;
    auto const busy = 1 + 4 * static_cast<int>(passes_.size());
    return std::min(*woken_last_ + busy * settings_.quiet, *woken_first_ + busy * settings_.quiet_longest);
}

Steady Reconciler::next_timer() const {
    auto out = pool_.next_timer();
    bool const room = passes_.size() < settings_.most_passes;
    for (auto const& [id, looking] : looking_)
        out = std::min({out, looking.close_at, room ? looking.split_at : Steady::max()});
    if (auto const due = states_.next_due())
        out = std::min(out, clock_.steady() + std::max(*due - clock_.now(), Time::duration(0)));
    auto begin = full_due();
    if (auto const due = wakes_due()) begin = std::min(begin, *due);
    if (auto const due = allocation_due()) begin = std::min(begin, *due);
    if (auto const due = grace_due()) out = std::min(out, std::max(*due, not_before_));
    if (passes_.size() < settings_.most_passes) out = std::min(out, std::max(begin, not_before_));
    return out;
}

bool Reconciler::start(std::optional<Dirty> const& scope) {
    bool const everything = !scope;
    if (everything) allocate_missing();
    refresh(scope);
    auto const purged = end_graces();
    Dirty taken;
    if (everything) {
        for (auto const& [ref, wants] : desired_.all()) taken.insert(ref);
        full_began_ = clock_.steady();
        full_at_ = full_began_ + settings_.resync;
        all_at_.reset();
        pending_.clear();  // also of names that nothing is stored under
    } else {
        taken = with_dependents(*scope);
        taken.insert(purged.begin(), purged.end());
        if (pending_.contains(desired_.node())) taken.insert(desired_.node());
    }
    woken_first_.reset();
    woken_last_.reset();
    for (auto const& ref : taken) pending_.erase(ref);
    std::erase_if(taken, [&](Ref const& ref) {
        bool const busy = in_flight_.contains(ref) && (everything || !leave_full_look(ref));
        if (busy) pending_.insert(ref);  // taken when it is free again
        return busy;
    });
    std::erase_if(taken, [&](Ref const& ref) { return desired_.find(ref) == nullptr; });
    return (everything || !taken.empty()) && begin(std::move(taken), everything);
}

Dirty Reconciler::with_dependents(Dirty const& scope) const {
    Dirty out = scope;
    for (auto const& ref : scope) out.merge(desired_.dependents(ref));
    return out;
}

void Reconciler::refresh(std::optional<Dirty> const& scope) {
    paused_ = store_.all_paused();
    if (scope) {
        Dirty dependents;
        for (auto const& ref : *scope) refresh_one(ref);
        for (auto const& ref : *scope) dependents.merge(desired_.dependents(ref));
        for (auto const& ref : dependents) refresh_one(ref);  // after what they refer to
        wake_node();
        return;
    }
    auto const version = store_.version();
    if (seen_version_ == version) return wake_node();
    auto all = store_.objects();
    std::stable_sort(all.begin(), all.end(), [&](Object const& a, Object const& b) {
        return desired_.rank(a.ref.kind) < desired_.rank(b.ref.kind);
    });
    Dirty living{desired_.node()};
    for (auto const& object : all) {
        take_in(object);
        living.insert(object.ref);
    }
    std::vector<Ref> lost;
    for (auto const& [ref, wants] : desired_.all())
        if (!living.contains(ref)) lost.push_back(ref);
    for (auto const& ref : lost) drop(ref);
    wake_node();
    seen_version_ = version;
}

void Reconciler::wake_node() {
    if (desired_.take_node_change()) wake(desired_.node(), false);
}

void Reconciler::refresh_one(Ref const& ref) {
    if (ref == desired_.node()) return;
    if (auto const object = store_.find(ref)) {
        take_in(*object);
    } else {
        drop(ref);
    }
}

void Reconciler::drop(Ref const& object) {
    keep_asked(desired_.node());
    desired_.evict(object);
    publisher_.erase(object);
}

void Reconciler::take_in(Object const& object) {
    keep_asked(object.ref);
    keep_asked(desired_.node());  // with what objects share
    if (desired_.upsert(object)) states_.reset_backoff(object.ref);
    publisher_.seed(object);
    for (auto const& [record, value] : desired_.find(object.ref)->records)
        if (auto const* known = states_.find(record); known != nullptr && known->object != object.ref)
            moving_.insert(record);
}

// What is wanted of an object, or known to be its own, may change while it is being observed: what it is observed for
// is kept.
void Reconciler::keep_asked(Ref const& object) {
    if (!in_flight_.contains(object)) return;
    for (auto& [id, pass] : passes_) {
        auto const run = pass.objects.find(object);
        if (pass.run || run == pass.objects.end() || run->second.asked) continue;
        auto& asked = run->second.asked.emplace();
        for (auto const* state : states_.of(object)) asked.insert(state->ref);
        if (auto const* wants = desired_.find(object))
            for (auto const& [record, value] : wants->records) asked.insert(record);
    }
}

void Reconciler::save() {
    states_.save(ledger_);
    // What it stores itself is no reason to read all objects again.
    if (auto const wrote = publisher_.flush(); wrote && seen_version_ == wrote->before) seen_version_ = wrote->after;
}

std::string Reconciler::request_of(Ref const& object) const {
    auto const* known = desired_.find(object);
    return known == nullptr ? std::string() : known->subject.request;
}

}  // namespace genesis
