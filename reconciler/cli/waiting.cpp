// Polls the state of objects.
#include "reconciler/cli/waiting.hpp"

#include "reconciler/cli/output.hpp"
#include "reconciler/cli/progress.hpp"

#include <algorithm>
#include <ostream>
#include <set>
#include <thread>

namespace genesis::cli {
namespace {

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr std::size_t most_told = 10;  // objects whose records are printed when the time is up
constexpr auto between_looks = 3s;
constexpr std::size_t looked_at_alone = 4;  // objects; for more one look at the whole server is quicker

std::string_view word_of(Until until) {
    switch (until) {
        case Until::ready:
        case Until::settled:
            return "ready";
        case Until::gone:
            return "gone";
        case Until::ended:
        case Until::off:
            break;
    }
    return "off";
}

// Whether its status says what is waited for.
bool is_reached(Until until, json::value const& envelope) {
    bool const by_ready = until == Until::ready || until == Until::settled;
    bool const by_off = until == Until::settled || until == Until::ended || until == Until::off;
    return (by_ready && is_ready(envelope)) || (by_off && is_off(envelope));
}

bool is_true(json::value const& envelope, std::string_view type) {
    return text_at(condition(envelope, type), "status") == "true";
}

std::string subject_of(json::value const& record) {
    return clean(text_at(record, "kind") + "/" + text_at(record, "key"));
}

// Removals that a ready object keeps back.
void print_held(std::ostream& err, Target const& target, json::value const& envelope) {
    std::string first;
    std::size_t others = 0;
    for (auto const& record : list_at(value_at(envelope, "status"), "records")) {
        if (text_at(record, "state") != "held") continue;
        if (first.empty())
            first = subject_of(record);
        else
            ++others;
    }
    if (first.empty()) return;
    err << target.str() << ": " << first << (others == 0 ? "" : " and " + std::to_string(others) + " more")
        << " would be removed with what is in it; to confirm: " << confirmation("holds_data", target.str()) << '\n';
}

void print_unready(std::ostream& err, Target const& target, json::value const& envelope) {
    std::vector<std::pair<std::string, std::vector<std::string>>> reasons;  // each once, with its records
    for (auto const& record : list_at(value_at(envelope, "status"), "records")) {
        auto const state = text_at(record, "state");
        if (state == "in_sync") continue;
        auto why = clean(state) + ": " + clean(text_at(record, "message"));
        if (state == "held") why += ": " + confirmation("holds_data", target.str());
        auto known = std::find_if(reasons.begin(), reasons.end(), [&](auto const& one) { return one.first == why; });
        if (known == reasons.end()) known = reasons.insert(known, {std::move(why), {}});
        known->second.push_back(subject_of(record));
    }
    for (auto const& [why, records] : reasons) {
        err << "  " << records.front();
        if (records.size() > 1) err << " and " << records.size() - 1 << " more";
        err << ' ' << why << '\n';
    }
}

// The objects that a plan has something to do for, or could not see. Removals that wait for a confirmation do not
// count: an object with one is ready.
void add_unsettled(json::value const& plan, std::set<std::string>& out) {
    for (auto const& step : list_at(plan, "steps")) out.insert(text_at(step, "object"));
    for (auto const& hold : list_at(plan, "holds"))
        if (auto const object = text_at(hold, "object"); confirmation(text_at(hold, "reason"), object).empty())
            out.insert(object);
}

struct Waiting {
    Awaited const* of;
    json::value envelope;  // as last read
    bool reached = false;  // by its status: ready, or off
    bool settled = false;  // by a plan
};

class Waiter {
public:
    Waiter(Client const& client, std::vector<Awaited> const& all, Until until, std::chrono::seconds timeout,
           Console& console)
        : client_(client), until_(until), timeout_(timeout), console_(console), progress_(console), all_(all.size()) {
        for (auto const& one : all) left_.push_back({&one, nullptr, false, !one.looked_at});
    }

    Exit run() {
        for (auto pause = 20ms;; pause = std::min(pause * 2, 500ms)) {
            auto const began = Steady::now();
            std::erase_if(left_, [&](Waiting& one) { return is_over(one); });
            if (left_.empty()) return fine;
            if (Steady::now() - start_ >= timeout_) return late();
            say();
            look_again();
            auto const now = Steady::now();
            auto const left = std::chrono::ceil<std::chrono::milliseconds>(start_ + timeout_ - now);
            auto const took = std::chrono::ceil<std::chrono::milliseconds>(now - began);
            std::this_thread::sleep_for(std::clamp(std::max(pause, took), 0ms, std::max(left, 0ms)));
        }
    }

private:
    bool is_over(Waiting& one) {
        auto const& target = one.of->target;
        auto answer = ask(target.path());
        if (answer.status == 0) return false;
        if (answer.status == 404 && until_ == Until::off)
            throw Failure(target.str() + " is gone, and its data with it");
        if (answer.status == 404 && (until_ != Until::ready || !one.of->named)) return done(one, "gone");
        if (!answer.ok()) throw Failure(problem_text(answer.status, answer.body, target.str()));
        one.envelope = std::move(answer.body);
        one.reached = is_reached(until_, one.envelope);
        return one.reached && one.settled && done(one, "ready");
    }

    // A daemon that has answered once is waited for while it restarts; status 0 then.
    Answer ask(std::string const& path) {
        try {
            auto answer = client_.send("GET", path);
            answered_ = true;
            away_.clear();
            return answer;
        } catch (NoDaemon const& gone) {
            if (!answered_) throw;
            away_ = gone.what();
            return {};
        }
    }

    // What is off is said even of what is not named: it is not as its spec says.
    bool done(Waiting const& one, std::string_view word) {
        bool const off = one.reached && is_off(one.envelope);
        if (!one.of->named && !off) return true;
        progress_.wipe();
        console_.out << one.of->target.str();
        if (off)
            console_.out << ": " << clean(text_at(condition(one.envelope, "ready"), "message")) << '\n' << std::flush;
        else
            console_.out << " is " << word << '\n' << std::flush;
        print_held(console_.err, one.of->target, one.envelope);
        return true;
    }

    // Plans for what is ready, or off, by a status that may be from before. They cost the daemon a look at the server:
    // while others are being worked on there are few.
    void look_again() {
        std::vector<Waiting*> open;
        bool others = false;
        for (auto& one : left_) {
            if (one.reached && !one.settled) open.push_back(&one);
            others = others || (!one.reached && !one.settled);
        }
        auto const now = Steady::now();
        if (open.empty() || (others && now - looked_ < between_looks)) return;
        looked_ = now;
        std::set<std::string> unsettled;
        if (open.size() > looked_at_alone) {
            if (!plan_settled("/v1/plan", unsettled)) return;
            for (auto* one : open) one->settled = !unsettled.contains(one->of->target.str());
        } else {
            for (auto* one : open)
                one->settled = plan_settled(one->of->target.path() + "/plan", unsettled) &&
                               !unsettled.contains(one->of->target.str());
        }
    }

    // False if there is no answer; then it is asked again.
    bool plan_settled(std::string const& path, std::set<std::string>& unsettled) {
        auto const answer = ask(path);
        if (answer.ok()) add_unsettled(answer.body, unsettled);
        return answer.ok();
    }

    void say() {
        Standing standing{.done = all_ - left_.size(),
                          .all = all_,
                          .word = std::string(word_of(until_)),
                          .since = Steady::now() - start_};
        auto const* first = &left_.front();
        for (auto const& one : left_)
            if (is_true(one.envelope, "degraded") && standing.failing++ == 0) first = &one;
        standing.first = !away_.empty() ? away_
                                        : first->of->target.str() + ": " +
                                              (first->reached ? "is looked at again" : progress_of(first->envelope));
        progress_.say(standing);
    }

    Exit late() {
        progress_.wipe();
        if (!away_.empty()) console_.err << away_ << '\n';
        std::stable_partition(left_.begin(), left_.end(),
                              [](Waiting const& one) { return is_true(one.envelope, "degraded"); });
        for (std::size_t i = 0; i < std::min(left_.size(), most_told); ++i) {
            auto const& [of, envelope, reached, settled] = left_[i];
            console_.err << of->target.str() << " is not " << word_of(until_) << " after " << timeout_.count()
                         << " s: " << progress_of(envelope) << '\n';
            print_unready(console_.err, of->target, envelope);
        }
        if (left_.size() > most_told) console_.err << "and " << left_.size() - most_told << " others are not\n";
        return differs;
    }

    Client const& client_;
    Until until_;
    std::chrono::seconds timeout_;
    Console& console_;
    Progress progress_;
    std::size_t all_;
    bool answered_ = false;
    std::string away_;  // why it does not answer now
    std::vector<Waiting> left_;
    Steady::time_point start_ = Steady::now(), looked_ = start_;
};

}  // namespace

std::vector<Awaited> awaited(std::vector<Target> const& targets) {
    std::vector<Awaited> out;
    for (auto const& target : targets) out.push_back({.target = target});
    return out;
}

std::string progress_of(json::value const& envelope) {
    auto const& records = list_at(value_at(envelope, "status"), "records");
    std::size_t in_sync = 0;
    std::string first;
    for (auto const& record : records) {
        auto const state = text_at(record, "state"), message = text_at(record, "message");
        if (state == "in_sync") {
            ++in_sync;
        } else if (first.empty()) {
            first = text_at(record, "kind") + "/" + text_at(record, "key") + " " + state +
                    (message.empty() ? "" : ": " + message);
        }
    }
    auto out = std::to_string(in_sync) + " of " + std::to_string(records.size()) + " in sync";
    auto const& ready = condition(envelope, "ready");
    bool const old = value_at(ready, "observed_generation") != value_at(envelope, "generation");
    if (first.empty())
        first =
            old ? "generation " + text_at(envelope, "generation") + " is not observed yet" : text_at(ready, "message");
    return clean(first.empty() ? out : out + "; " + first);
}

bool is_ready(json::value const& envelope) {
    auto const& ready = condition(envelope, "ready");
    return text_at(ready, "status") == "true" &&
           value_at(ready, "observed_generation") == value_at(envelope, "generation");
}

bool is_off(json::value const& envelope) {
    auto const& ready = condition(envelope, "ready");
    return text_at(ready, "reason") == "Grace" &&
           value_at(ready, "observed_generation") == value_at(envelope, "generation");
}

Exit wait_for(Client const& client, std::vector<Awaited> const& all, Until until, std::chrono::seconds timeout,
              Console& console) {
    return Waiter(client, all, until, timeout, console).run();
}

}  // namespace genesis::cli
