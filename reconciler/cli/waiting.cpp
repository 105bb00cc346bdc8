// Polls the state of objects.
#include "reconciler/cli/waiting.hpp"

#include "reconciler/cli/output.hpp"

#include <ostream>
#include <thread>

namespace genesis::cli {
namespace {

using Steady = std::chrono::steady_clock;

// Rewrites one line on a terminal; elsewhere prints a line for each change.
class Progress {
public:
    explicit Progress(Console& console) : console_(console) {}
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;
    ~Progress() { wipe(); }
    void say(std::string const& object, std::string const& text, std::chrono::seconds since) {
        auto const line = object + ": " + text;
        if (console_.terminal) {
            auto shown = line + "  (" + std::to_string(since.count()) + " s)";
            if (shown.size() > 118) shown = shown.substr(0, 115) + "...";
            console_.err << "\r\033[K" << shown << std::flush;
            dirty_ = true;
        } else if (line != last_) {
            console_.err << line << '\n' << std::flush;
        }
        last_ = line;
    }
    void wipe() {
        if (dirty_) console_.err << "\r\033[K" << std::flush;
        dirty_ = false;
    }

private:
    Console& console_;
    std::string last_;
    bool dirty_ = false;
};

void print_unready(std::ostream& err, json::value const& envelope) {
    for (auto const& record : list_at(value_at(envelope, "status"), "records"))
        if (text_at(record, "state") != "in_sync")
            err << "  " << clean(text_at(record, "kind")) << '/' << clean(text_at(record, "key")) << ' '
                << clean(text_at(record, "state")) << ": " << clean(text_at(record, "message")) << '\n';
}

class Waiter {
public:
    Waiter(Client const& client, Until until, std::chrono::seconds timeout, Console& console)
        : client_(client), until_(until), timeout_(timeout), console_(console), progress_(console) {}

    Exit one(Target const& target) {
        for (auto pause = std::chrono::milliseconds(20);; pause = std::min(pause * 2, std::chrono::milliseconds(500))) {
            auto const answer = client_.send("GET", target.path());
            if (answer.status == 404 && until_ == Until::gone) return done(target, "gone");
            if (!answer.ok()) throw Failure(problem_text(answer.status, answer.body, target.str()));
            if (until_ == Until::ready && is_ready(answer.body)) return done(target, "ready");
            auto const spent = Steady::now() - start_;
            if (spent >= timeout_) return late(target, answer.body);
            progress_.say(target.str(), progress_of(answer.body),
                          std::chrono::duration_cast<std::chrono::seconds>(spent));
            auto const left = std::chrono::ceil<std::chrono::milliseconds>(timeout_ - spent);
            std::this_thread::sleep_for(std::min(pause, left));
        }
    }

private:
    Exit done(Target const& target, std::string_view word) {
        progress_.wipe();
        console_.out << target.str() << " is " << word << '\n' << std::flush;
        return fine;
    }
    Exit late(Target const& target, json::value const& envelope) {
        progress_.wipe();
        console_.err << target.str() << " is not " << (until_ == Until::ready ? "ready" : "gone") << " after "
                     << timeout_.count() << " s: " << progress_of(envelope) << '\n';
        print_unready(console_.err, envelope);
        return differs;
    }

    Client const& client_;
    Until until_;
    std::chrono::seconds timeout_;
    Console& console_;
    Progress progress_;
    Steady::time_point start_ = Steady::now();
};

}  // namespace

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
    auto const message_of_ready = text_at(condition(envelope, "ready"), "message");
    if (first.empty()) first = message_of_ready;
    return clean(first.empty() ? out : out + "; " + first);
}

bool is_ready(json::value const& envelope) {
    auto const& ready = condition(envelope, "ready");
    return text_at(ready, "status") == "true" &&
           value_at(ready, "observed_generation") == value_at(envelope, "generation");
}

Exit wait_for(Client const& client, std::span<Target const> targets, Until until, std::chrono::seconds timeout,
              Console& console) {
    Waiter waiter(client, until, timeout, console);
    auto exit = fine;
    for (auto const& target : targets)
        if (waiter.one(target) != fine) exit = differs;
    return exit;
}

}  // namespace genesis::cli
