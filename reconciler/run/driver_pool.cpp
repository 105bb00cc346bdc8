// One queue a driver: observations and steps that wait are taken together, in turns.
#include "reconciler/run/driver_pool.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr ObservationId probe_id = 0;        // nobody asked for it
constexpr std::size_t room_in_batch = 1000;  // for slow steps

// All keys of all requests; everything where one of them asks for everything.
void widen(Scope& scope, Scope const& by, bool first) {
    if (first) {
        scope = by;
        return;
    }
    if (scope.everything()) return;
    if (by.everything())
        scope.keys.clear();
    else
        scope.keys.insert(scope.keys.end(), by.keys.begin(), by.keys.end());
}

// The part of what was seen that a request asked for.
template <class Map>
void copy_part(Map const& from, std::map<std::string, std::set<std::string>> const& keys, Map& to) {
    for (auto const& [ref, value] : from)
        if (auto const it = keys.find(ref.kind);
            it != keys.end() && (it->second.empty() || it->second.contains(ref.key)))
            to.emplace(ref, value);
}

Observation part_of(Observation const& seen, std::map<std::string, Scope> const& scopes) {
    std::map<std::string, std::set<std::string>> keys;
    for (auto const& [kind, scope] : scopes) keys[kind] = {scope.keys.begin(), scope.keys.end()};
    Observation out;
    copy_part(seen.found, keys, out.found);
    copy_part(seen.unseen, keys, out.unseen);
    copy_part(seen.unmanaged, keys, out.unmanaged);
    copy_part(seen.in_progress, keys, out.in_progress);
    for (auto const& [kind, why] : seen.unreachable)
        if (scopes.contains(kind)) out.unreachable[kind] = why;
    return out;
}

bool lists(std::map<std::string, Scope> const& scopes) {
    return std::any_of(scopes.begin(), scopes.end(), [](auto const& entry) { return entry.second.everything(); });
}

bool reports(Schema const& schema) {
    return std::any_of(schema.fields.begin(), schema.fields.end(),
                       [](auto const& field) { return has(field.attributes, Attribute::reported); });
}

std::size_t records_in(std::map<std::string, Scope> const& scopes) {
    std::size_t out = 0;
    for (auto const& [kind, scope] : scopes) out += scope.keys.size();
    return out;
}

}  // namespace

DriverPool::DriverPool(Workers& workers, Journal& journal, Clock const& clock, Log& log, Timeouts timeouts,
                       std::function<void(std::size_t)> completed)
    : workers_(workers),
      journal_(journal),
      clock_(clock),
      log_(log),
      timeouts_(timeouts),
      completed_(std::move(completed)) {
    auto const& drivers = workers.drivers();
    for (std::size_t i = 0; i < drivers.size(); ++i) {
        Queue queue;
        queue.name = drivers[i]->name();
        queues_.push_back(std::move(queue));
        for (auto const* schema : drivers[i]->kinds()) {
            kinds_.emplace(schema->kind,
                           KindInfo{schema, drivers[i]->traits(schema->kind), queues_[i].name, reports(*schema)});
            driver_of_.emplace(schema->kind, i);
        }
    }
    for (auto const& kind : making_order(kinds_)) queues_[driver_of_.at(kind)].kinds.push_back(kind);
}

void DriverPool::observe(ObservationId id, std::size_t driver, std::map<std::string, Scope> scopes) {
    queues_[driver].observations.push_back({id, std::move(scopes)});
}

void DriverPool::apply(StepRequest request) {
    auto& q = queues_[driver_of_.at(request.step.ref.kind)];
    if (q.steps.empty()) q.gather_until = clock_.steady() + timeouts_.gather;
    q.steps.push_back(std::move(request));
}

Steady DriverPool::batch_due(std::size_t driver) const {
    auto const& q = queues_[driver];
    bool const costly = workers_.drivers()[driver]->least_interval().count() > 0;
    return costly && events_->more_to_come(driver) ? std::max(q.next_batch, q.gather_until) : q.next_batch;
}

void DriverPool::pump() {
    for (std::size_t i = 0; i < queues_.size(); ++i) start(i);
}

void DriverPool::start(std::size_t driver) {
    auto& q = queues_[driver];
    if (q.running) return;
    bool const batch = !q.steps.empty() && clock_.steady() >= batch_due(driver);
    if (!q.observations.empty() && !(batch && q.observed_last)) return start_observation(driver);
    if (batch) start_batch(driver);
}

void DriverPool::start_observation(std::size_t driver) {
    auto& q = queues_[driver];
    auto call = std::make_shared<Call>();
    call->observations = std::exchange(q.observations, {});
    for (auto const& request : call->observations)
        for (auto const& [kind, scope] : request.scopes) {
            auto const [it, first] = call->scopes.try_emplace(kind);
            widen(it->second, scope, first);
        }
    auto const now = clock_.steady();
    auto const deadline = now + timeouts_.observe;
    call->started = now;
    call->late_at = now + expected(driver, lists(call->scopes)) + timeouts_.late_record * records_in(call->scopes);
    call->overdue_at = deadline + timeouts_.grace;
    q.running = call;
    q.observed_last = true;
    auto job = [call, deadline, stop = stop_, &clock = clock_, &log = log_](AnyDriver& d) {
        Context context{stop, deadline, clock, log};
        call->seen = run_observation(d, call->scopes, context);
    };
    workers_.run(driver, std::move(job), [done = completed_, driver] { done(driver); });
}

// What a step takes of the room for slow ones in a batch; 0 where it is not slow.
std::size_t DriverPool::room_for(AnyStep const& step) const {
    auto const& traits = kinds_.at(step.ref.kind).traits;
    auto const most = step.verb == Verb::update   ? traits.slow_updates
                      : step.verb == Verb::remove ? traits.slow_removals
                                                  : std::nullopt;
    return most ? room_in_batch / std::clamp<std::size_t>(*most, 1, room_in_batch) : 0;
}

// The steps of the next batch: all that are not slow, or a few of the slow ones, those first that have waited longest.
// In turns where both wait.
std::vector<StepRequest> DriverPool::take_steps(Queue& q) const {
    std::vector<StepRequest> quick, slow, rest;
    auto room = room_in_batch;
    for (auto& request : q.steps) {
        auto const needed = room_for(request.step);
        bool const fits = needed <= room || slow.empty();
        if (needed > 0 && fits) room -= std::min(needed, room);
        (needed == 0 ? quick : fits ? slow : rest).push_back(std::move(request));
    }
    q.slow_last = quick.empty() || (!slow.empty() && !q.slow_last);
    auto& others = q.slow_last ? quick : slow;
    std::move(rest.begin(), rest.end(), std::back_inserter(others));
    q.steps = std::move(others);
    return q.slow_last ? slow : quick;
}

// Removals before changes, so that a name is free when it is taken; what lies deeper is removed first.
void DriverPool::sort_for_batch(Queue const& q, std::vector<StepRequest>& steps) {
    auto rank = [&](StepRequest const& r) {
        return std::find(q.kinds.begin(), q.kinds.end(), r.step.ref.kind) - q.kinds.begin();
    };
    std::sort(steps.begin(), steps.end(), [&](auto const& a, auto const& b) {
        bool const ra = a.step.verb == Verb::remove, rb = b.step.verb == Verb::remove;
        if (rank(a) != rank(b)) return rank(a) < rank(b);
        if (ra != rb) return ra;
        return ra ? b.step.ref < a.step.ref : a.step.ref < b.step.ref;
    });
}

// Removals of data that are no longer what their objects want, or not any more for sure.
std::vector<StepRequest> DriverPool::take_outdated(std::vector<StepRequest>& steps) const {
    auto const stands = [&](StepRequest const& request) {
        bool const loses_data = request.step.verb == Verb::remove && kinds_.at(request.step.ref.kind).traits.holds_data;
        return !loses_data || events_->is_current(request);
    };
    auto const outdated = std::stable_partition(steps.begin(), steps.end(), stands);
    std::vector<StepRequest> out(std::make_move_iterator(outdated), std::make_move_iterator(steps.end()));
    steps.erase(outdated, steps.end());
    return out;
}

void DriverPool::start_batch(std::size_t driver) {
    auto waiting = take_steps(queues_[driver]);
    auto const outdated = take_outdated(waiting);
    bool const none_left = waiting.empty();
    if (!none_left) run_steps(driver, std::move(waiting));
    for (auto const& request : outdated)
        events_->step_ended(request, {Outcome::in_progress, "its object was changed before the data was removed"});
    if (none_left) events_->batch_ended(driver, {});
}

void DriverPool::run_steps(std::size_t driver, std::vector<StepRequest> waiting) {
    auto& q = queues_[driver];
    auto call = std::make_shared<Call>();
    sort_for_batch(q, waiting);
    for (auto& request : waiting) {
        call->batch.steps.push_back(request.step);
        call->batch.causes.emplace_back(word_of(request.cause));
        call->requests.push_back(std::move(request));
    }
    auto const now = clock_.steady();
    auto const size = static_cast<int>(call->requests.size());
    auto const deadline = now + timeouts_.batch + timeouts_.step * size;
    call->late_at = now + timeouts_.late_batch + timeouts_.late_step * size;
    call->overdue_at = deadline + timeouts_.grace;
    q.running = call;
    q.observed_last = false;
    auto job = [call, deadline, stop = stop_, &journal = journal_, &clock = clock_, &log = log_](AnyDriver& d) {
        Context context{stop, deadline, clock, log};
        run_batch(d, call->batch, journal, context);
    };
    workers_.run(driver, std::move(job), [done = completed_, driver] { done(driver); });
}

void DriverPool::completed(std::size_t driver) {
    auto& q = queues_[driver];
    auto const call = std::exchange(q.running, nullptr);
    if (!call->requests.empty()) {
        q.next_batch = clock_.steady() + workers_.drivers()[driver]->least_interval();
        end_batch(driver, *call);
    } else {
        end_observation(driver, *call);
    }
    if (call->late) events_->recovered(driver);
    start(driver);
}

void DriverPool::end_batch(std::size_t driver, Call& call) {
    for (std::size_t i = 0; i < call.requests.size(); ++i)
        events_->step_ended(call.requests[i], call.batch.outcomes[i]);
    events_->batch_ended(driver, call.batch);
}

void DriverPool::end_observation(std::size_t driver, Call& call) {
    bool const only_probed = std::all_of(call.observations.begin(), call.observations.end(),
                                         [](auto const& request) { return request.id == probe_id; });
    bool const was_trouble = !queues_[driver].trouble.empty();
    note_trouble(driver, call, only_probed);
    for (auto const& request : call.observations) {
        if (request.id == probe_id) continue;
        bool const all = call.observations.size() == 1;
        events_->observed(request.id, driver, all ? std::move(call.seen) : part_of(call.seen, request.scopes));
        if (all) break;
    }
    if (was_trouble && queues_[driver].trouble.empty() && (only_probed || !call.late)) events_->recovered(driver);
}

std::chrono::milliseconds DriverPool::expected(std::size_t driver, bool listing) const {
    auto const& q = queues_[driver];
    return std::clamp(2 * (listing ? q.took_listing : q.took_named), timeouts_.late_observe,
                      std::max(timeouts_.observe, timeouts_.late_observe));
}

// One that hung once is not slow from then on: a late answer counts for no more than twice what was expected.
void DriverPool::learn(std::size_t driver, Call const& call) {
    auto& q = queues_[driver];
    bool const listing = lists(call.scopes);
    auto const took = std::chrono::ceil<std::chrono::milliseconds>(clock_.steady() - call.started);
    (listing ? q.took_listing : q.took_named) = std::min(took, 2 * expected(driver, listing));
}

// `probed`: nobody asked for it but the driver's own retry, which names one record for all kinds in trouble.
void DriverPool::note_trouble(std::size_t driver, Call const& call, bool probed) {
    auto& q = queues_[driver];
    bool const sees = call.seen.unreachable.empty();
    if (sees) learn(driver, call);
    if (sees && probed) q.trouble.clear();
    for (auto const& [kind, scope] : call.scopes) q.trouble.erase(kind);
    for (auto const& [kind, why] : call.seen.unreachable) q.trouble[kind] = why;
    if (q.trouble.empty()) {
        q.pause = {};
        q.retry_at = Steady::max();
        return;
    }
    if (sees) return;  // other kinds of it are in trouble, and will be asked for again
    q.pause = q.pause.count() == 0 ? timeouts_.retry_first : std::min(q.pause * 2, timeouts_.retry_longest);
    q.retry_at = clock_.steady() + q.pause;
    log_.write(Level::warning, "a driver cannot observe",
               {{"driver", q.name}, {"kind", q.trouble.begin()->first}, {"why", q.trouble.begin()->second}});
}

std::string DriverPool::unavailable(std::size_t driver) const {
    auto const& q = queues_[driver];
    if (q.running && q.running->late) return q.name + " does not answer";
    if (!q.trouble.empty() && clock_.steady() < q.retry_at) return q.trouble.begin()->second;
    return {};
}

std::map<std::string, std::string> DriverPool::unreachable() const {
    std::map<std::string, std::string> out;
    for (auto const& q : queues_) {
        out.insert(q.trouble.begin(), q.trouble.end());
        if (q.running && q.running->late)
            for (auto const& kind : q.kinds) out[kind] = q.name + " does not answer";
    }
    return out;
}

void DriverPool::retry_now() {
    for (auto& q : queues_)
        if (!q.trouble.empty()) q.retry_at = clock_.steady();
}

// Asks for one record; where that is seen, whatever waits is looked at.
void DriverPool::try_again(std::size_t driver) {
    auto& q = queues_[driver];
    q.retry_at = Steady::max();
    if (q.trouble.empty()) return;
    if (q.probe && driver_of_.contains(q.probe->kind) && driver_of_.at(q.probe->kind) == driver) {
        std::map<std::string, Scope> scopes;
        for (auto const& [kind, why] : q.trouble)
            if (kinds_.at(kind).traits.enumerable && kind != q.probe->kind) scopes[kind] = {};
        scopes[q.probe->kind].keys.push_back(q.probe->key);
        q.observations.push_back({probe_id, std::move(scopes)});
        start(driver);
    } else {
        q.trouble.clear();
        events_->recovered(driver);
    }
}

void DriverPool::check_running(std::size_t driver, Steady now) {
    auto& q = queues_[driver];
    auto const call = q.running;
    if (!call) return;
    if (!call->late && now >= call->late_at) {
        call->late = true;
        log_.write(Level::warning, "a driver is late",
                   {{"driver", q.name}, {"steps", std::to_string(call->requests.size())}});
        auto queued = std::exchange(q.steps, {});
        auto const waiting = std::exchange(q.observations, {});
        for (auto const& request : waiting) {
            Observation nothing;
            for (auto const& [kind, scope] : request.scopes) nothing.unreachable[kind] = q.name + " does not answer";
            if (request.id == probe_id)
                q.retry_at = now;  // once this call has ended
            else
                events_->observed(request.id, driver, std::move(nothing));
        }
        events_->late(driver, std::move(queued), call->requests);
    }
    if (!call->overdue && now >= call->overdue_at) {
        call->overdue = true;
        log_.write(Level::error, "a driver did not answer in time", {{"driver", q.name}});
        events_->overdue(driver, call->requests);
    }
}

void DriverPool::advance() {
    auto const now = clock_.steady();
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        check_running(i, now);
        if (now >= queues_[i].retry_at && !queues_[i].running) try_again(i);
        start(i);
    }
}

Steady DriverPool::next_timer() const {
    auto out = Steady::max();
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        auto const& q = queues_[i];
        if (q.running && !q.running->late) out = std::min(out, q.running->late_at);
        if (q.running && !q.running->overdue) out = std::min(out, q.running->overdue_at);
        if (!q.running && !q.steps.empty()) out = std::min(out, batch_due(i));
        if (!q.running) out = std::min(out, q.retry_at);
    }
    return out;
}

bool DriverPool::idle() const {
    return std::all_of(queues_.begin(), queues_.end(), [](auto const& q) {
        return (!q.running || q.running->late) && q.observations.empty() && q.steps.empty();
    });
}

}  // namespace genesis
