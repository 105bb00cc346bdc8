// Hands batches to the drivers' workers and gathers what comes back; it decides nothing.
#include "reconciler/run/executor.hpp"

#include <algorithm>
#include <deque>

namespace genesis {
namespace {

// Where workers report that a job is over. Shared with every job, so it outlives an abandoned one.
struct Bell {
    std::mutex mutex;
    std::condition_variable ring;
    std::deque<std::size_t> done;

    void finish(std::size_t id) {
        std::lock_guard lock(mutex);
        done.push_back(id);
        ring.notify_all();
    }
    // The next job that is over, or nothing at `until`.
    std::optional<std::size_t> next(Steady until) {
        std::unique_lock lock(mutex);
        if (!ring.wait_until(lock, until, [&] { return !done.empty(); })) return std::nullopt;
        auto id = done.front();
        done.pop_front();
        return id;
    }
};

// One batch on its way through a driver. Owned by the job and by whoever waits for it.
struct Errand {
    std::vector<AnyStep> steps;
    std::vector<std::string> causes;
    std::vector<Outcome> outcomes;
    std::vector<std::pair<Ref, Outcome>> elsewhere;
    std::string fault;
    std::string driver;
    Steady abandon_at;
};

std::vector<Outcome> all(std::size_t n, Outcome::How how, std::string const& why) {
    return std::vector<Outcome>(n, Outcome{how, why});
}

std::vector<Outcome> applied(AnyDriver& driver, std::vector<AnyStep> const& steps, Context& context) try {
    auto outcomes = driver.apply(steps, context);
    if (outcomes.size() == steps.size()) return outcomes;
    return all(steps.size(), Outcome::later, "the driver answered for " + std::to_string(outcomes.size()) + " steps");
} catch (std::exception const& error) {
    return all(steps.size(), Outcome::later, error.what());
}

void settle(AnyDriver& driver, Errand& errand, Context& context) try {
    auto settled = driver.settle(context);
    std::map<Ref, Outcome> verdicts(settled.verdicts.begin(), settled.verdicts.end());
    for (std::size_t i = 0; i < errand.steps.size(); ++i) {
        auto& outcome = errand.outcomes[i];
        if (outcome.how != Outcome::done) continue;
        if (auto it = verdicts.find(errand.steps[i].ref); it != verdicts.end())
            outcome = it->second;
        else if (settled.overall.how != Outcome::done)
            outcome = settled.overall;
    }
    for (auto const& step : errand.steps) verdicts.erase(step.ref);
    for (auto const* schema : driver.kinds())
        for (auto& [ref, outcome] : verdicts)
            if (ref.kind == schema->kind && outcome.how != Outcome::done) errand.elsewhere.emplace_back(ref, outcome);
    if (settled.overall.how != Outcome::done) errand.fault = settled.overall.why;
} catch (std::exception const& error) {
    errand.fault = error.what();
    for (auto& outcome : errand.outcomes)
        if (outcome.how == Outcome::done) outcome = {Outcome::later, errand.fault};
}

void carry_out(AnyDriver& driver, Errand& errand, Journal& journal, Context& context) try {
    journal.intend(errand.steps, errand.causes);
    errand.outcomes = applied(driver, errand.steps, context);
    settle(driver, errand, context);
    journal.record(errand.steps, errand.outcomes);
} catch (std::exception const& error) {  // the journal itself: nothing may be done that is not written down first
    errand.fault = error.what();
    errand.outcomes = all(errand.steps.size(), Outcome::later, errand.fault);
}

// The progress of one plan.
class Run {
public:
    Run(Plan const& plan, Report& report) : plan_(plan), report_(report), state_(plan.batches.size(), waiting) {}

    [[nodiscard]] bool over() const {
        return std::all_of(state_.begin(), state_.end(), [](auto s) { return s == finished; });
    }
    [[nodiscard]] bool ready(std::size_t i) const {
        auto const& after = plan_.batches[i].after;
        return state_[i] == waiting &&
               std::all_of(after.begin(), after.end(), [&](auto k) { return state_[k] == finished; });
    }
    // What of the batch can still be done; the rest is reported as waiting.
    std::shared_ptr<Errand> errand(std::size_t i) {
        auto const& batch = plan_.batches[i];
        auto out = std::make_shared<Errand>();
        out->driver = batch.driver;
        for (std::size_t k = 0; k < batch.steps.size(); ++k) {
            auto const& step = batch.steps[k];
            auto broken =
                std::find_if(step.after.begin(), step.after.end(), [&](auto const& r) { return failed_.contains(r); });
            if (broken != step.after.end()) {
                failed_.insert(step.ref);
                report_.skipped.emplace_back(step, "waits for " + broken->str());
                continue;
            }
            out->steps.push_back(step);
            out->causes.push_back(batch.causes[k]);
        }
        state_[i] = out->steps.empty() ? finished : running;
        return out;
    }
    void finish(std::size_t i, Errand const& errand) {
        state_[i] = finished;
        if (!errand.steps.empty()) report_.settles.emplace_back(errand.driver, errand.fault.empty());
        if (!errand.fault.empty()) report_.faults.push_back(errand.driver + ": " + errand.fault);
        report_.elsewhere.insert(report_.elsewhere.end(), errand.elsewhere.begin(), errand.elsewhere.end());
        for (std::size_t k = 0; k < errand.steps.size(); ++k) end(errand.steps[k], errand.outcomes[k]);
    }

private:
    void end(AnyStep const& step, Outcome outcome) {
        if (outcome.how != Outcome::done) failed_.insert(step.ref);
        report_.outcomes.emplace_back(step, std::move(outcome));
    }
    enum State { waiting, running, finished };
    Plan const& plan_;
    Report& report_;
    std::vector<State> state_;
    std::set<Ref> failed_;
};

}  // namespace

Executor::Executor(std::vector<AnyDriver*> const& drivers, Journal& journal, Clock const& clock, Log& log,
                   Patience patience)
    : journal_(journal), clock_(clock), log_(log), patience_(patience) {
    for (auto* driver : drivers) {
        workers_.push_back(std::make_unique<Worker>(*driver));
        for (auto const* schema : driver->kinds())
            kinds_.emplace(schema->kind, KindInfo{schema, driver->traits(schema->kind), std::string(driver->name())});
    }
}

Executor::~Executor() = default;

Worker* Executor::worker_of(std::string const& driver) {
    auto it =
        std::find_if(workers_.begin(), workers_.end(), [&](auto const& w) { return w->driver().name() == driver; });
    return it == workers_.end() ? nullptr : it->get();
}

Look Executor::look(std::map<std::string, Scope> const& scopes, std::stop_token const& stop) {
    struct Sight {
        std::map<std::string, Scope> scopes;
        Look look;
    };
    auto bell = std::make_shared<Bell>();
    std::vector<std::shared_ptr<Sight>> sights(workers_.size());
    auto const deadline = clock_.steady() + patience_.look;
    std::set<std::size_t> open;
    Look out;
    auto blind = [&](Sight const& sight, std::string const& why) {
        for (auto const& [kind, scope] : sight.scopes) out.blind[kind] = why;
    };
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        auto sight = sights[i] = std::make_shared<Sight>();
        for (auto const* schema : workers_[i]->driver().kinds())
            if (auto it = scopes.find(std::string(schema->kind)); it != scopes.end()) sight->scopes.insert(*it);
        if (sight->scopes.empty()) continue;
        auto job = [=, &clock = clock_, &log = log_](AnyDriver& driver) {
            Context context{stop, deadline, clock, log};
            for (auto const& [kind, scope] : sight->scopes) try {
                    auto seen = driver.observe(kind, scope, context);
                    sight->look.found.merge(seen.found);
                    sight->look.unseen.merge(seen.unseen);
                    sight->look.foreign.merge(seen.foreign);
                } catch (std::exception const& error) {
                    sight->look.blind[kind] = error.what();
                }
        };
        if (workers_[i]->submit(job, [=] { bell->finish(i); }))
            open.insert(i);
        else
            blind(*sight, std::string(workers_[i]->driver().name()) + " has not come back from its last task");
    }
    while (!open.empty()) {
        auto id = bell->next(deadline + patience_.grace);
        if (!id) break;
        open.erase(*id);
        auto& seen = sights[*id]->look;
        out.found.merge(seen.found);
        out.unseen.merge(seen.unseen);
        out.foreign.merge(seen.foreign);
        out.blind.merge(seen.blind);
    }
    for (auto i : open) blind(*sights[i], std::string(workers_[i]->driver().name()) + " did not answer in time");
    return out;
}

Report Executor::execute(Plan const& plan, std::stop_token const& stop) {
    Report report;
    Run run(plan, report);
    auto bell = std::make_shared<Bell>();
    std::map<std::size_t, std::shared_ptr<Errand>> open;
    auto busy = [&](std::string const& driver) {
        return std::any_of(open.begin(), open.end(), [&](auto const& o) { return o.second->driver == driver; });
    };
    auto start = [&](std::size_t i) {
        auto errand = run.errand(i);
        if (errand->steps.empty()) return;
        auto const deadline =
            clock_.steady() + patience_.batch + patience_.step * static_cast<int>(errand->steps.size());
        errand->abandon_at = deadline + patience_.grace;
        auto* worker = worker_of(errand->driver);
        auto job = [=, &journal = journal_, &clock = clock_, &log = log_](AnyDriver& driver) {
            Context context{stop, deadline, clock, log};
            carry_out(driver, *errand, journal, context);
        };
        if (worker != nullptr && worker->submit(job, [=] { bell->finish(i); })) {
            open.emplace(i, errand);
        } else {
            errand->outcomes =
                all(errand->steps.size(), Outcome::later, errand->driver + " has not come back from its last task");
            run.finish(i, *errand);
        }
    };
    while (!run.over()) {
        bool started = false;
        for (std::size_t i = 0; i < plan.batches.size(); ++i)
            if (run.ready(i) && !busy(plan.batches[i].driver)) start(i), started = true;
        if (open.empty()) {
            if (started) continue;
            throw std::logic_error("a plan whose batches wait for each other");
        }
        auto first = std::min_element(open.begin(), open.end(), [](auto const& a, auto const& b) {
            return a.second->abandon_at < b.second->abandon_at;
        });
        if (auto id = bell->next(first->second->abandon_at)) {
            run.finish(*id, *open.at(*id));
            open.erase(*id);
            continue;
        }
        Errand abandoned;  // the job may still be writing into its own
        abandoned.driver = first->second->driver;
        abandoned.steps = plan.batches[first->first].steps;
        abandoned.fault = "did not answer in time";
        abandoned.outcomes = all(abandoned.steps.size(), Outcome::later, abandoned.driver + " did not answer in time");
        auto id = first->first;
        open.erase(first);
        run.finish(id, abandoned);
    }
    return report;
}

}  // namespace genesis
