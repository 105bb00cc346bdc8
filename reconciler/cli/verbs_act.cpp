// The verbs that act: delete, reconcile, pause, resume, adopt, take-over; and wait and watch.
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/output.hpp"
#include "reconciler/cli/waiting.hpp"

#include <map>
#include <ostream>
#include <thread>

namespace genesis::cli {
namespace {

std::vector<Target> objects_of(Call const& call) {
    std::vector<Target> out;
    for (auto const& text : call.targets) out.push_back(object_of(text));
    return out;
}

// To the object, or to everything with --all: exactly one of the two. A refusal throws Failure.
Exit post(Call const& call, Console& console, std::string const& action, std::string_view result) {
    if (call.all == !call.targets.empty()) throw Misuse("either KIND/NAME or --all");
    auto const path = call.all ? "/v1" : object_of(call.targets.front()).path();
    auto const name = call.all ? "" : object_of(call.targets.front()).str();
    auto const answer = Client(call.socket).send("POST", path + action);
    if (!answer.ok()) throw Failure(problem_text(answer.status, answer.body, name));
    console.out << (call.all ? "everything" : name) << ' ' << result << '\n' << std::flush;
    return fine;
}

// The same request for each object; a refusal of one is printed, with its name, and the others follow. `say` has each
// answer. Returns the objects it was done for.
template <class F>
std::vector<Target> send_each(Client const& client, std::vector<Target> const& targets, std::string_view method,
                              std::string const& action, Console& console, F const& say) {
    std::vector<Target> out;
    for (auto const& target : targets) {
        auto const answer = client.send(method, target.path() + action);
        if (!answer.ok()) {
            console.err << problem_text(answer.status, answer.body, target.str()) << '\n';
            continue;
        }
        console.out << target.str() << ' ' << say(answer.body) << '\n' << std::flush;
        out.push_back(target);
    }
    return out;
}

// One line of watch about an object.
std::string line_of(json::value const& envelope) {
    auto const terminating = text_at(condition(envelope, "terminating"), "status") == "true";
    return "generation " + clean(text_at(envelope, "generation")) + ", " +
           (terminating          ? "terminating"
            : is_ready(envelope) ? "ready"
                                 : "not ready") +
           ": " + progress_of(envelope);
}

std::map<std::string, std::string> lines_now(Client const& client, std::vector<Target> const& targets) {
    std::map<std::string, std::string> out;
    auto const add = [&](json::value const& e) {
        out[clean(text_at(e, "kind") + "/" + text_at(e, "name"))] = line_of(e);
    };
    for (auto const& target : targets) {
        if (!target.name.empty()) {
            auto const answer = client.send("GET", target.path());
            if (answer.ok()) add(answer.body);
            continue;
        }
        for (auto const& item : client.list(target)) add(item);
    }
    return out;
}

}  // namespace

Exit remove(Call const& call, Console& console) {
    if (call.purge && call.keep_data) throw Misuse("--purge and --keep-data exclude each other");
    auto const targets = objects_of(call);
    std::string const query = call.purge ? "?purge=true" : call.keep_data ? "?keep_data=true" : "";
    Client const client(call.socket, std::chrono::seconds(60));
    auto const deleted = send_each(client, targets, "DELETE", query, console, [&](json::value const& body) {
        return clean(text_at(body, "result")) + (call.keep_data ? "; what is left of its data is kept" : "");
    });
    auto const exit = deleted.size() == targets.size() ? fine : failed;
    if (!call.wait || deleted.empty()) return exit;
    auto const until = call.purge ? Until::gone : call.keep_data ? Until::off : Until::ended;
    auto const waited = wait_for(client, awaited(deleted), until, call.timeout, console);
    return exit == fine ? waited : exit;
}

// Waits for a look at the server that finds nothing to do: the status may be from before.
Exit reconcile(Call const& call, Console& console) {
    post(call, console, call.confirm_removals ? "/reconcile?confirm_removals=true" : "/reconcile",
         call.confirm_removals ? "will be reconciled now; removals are confirmed" : "will be reconciled now");
    if (!call.wait) return fine;
    Client const client(call.socket);
    std::vector<Awaited> all;
    if (!call.all) all.push_back({.target = object_of(call.targets.front()), .looked_at = true});
    if (call.all)
        for (auto const& kind : object_kinds())
            for (auto const& item : client.list({.kind = &kind, .name = {}}))
                all.push_back(
                    {.target = {.kind = &kind, .name = text_at(item, "name")}, .looked_at = true, .named = false});
    return wait_for(client, all, Until::settled, call.timeout, console);
}
Exit pause(Call const& call, Console& console) {
    return post(call, console, "/pause", "is paused: observed, not changed");
}
Exit resume(Call const& call, Console& console) {
    auto const exit = post(call, console, "/resume", "is resumed");
    if (!call.all && is_all_paused(Client(call.socket)))
        console.out << "everything is still paused, so that it is not changed; to end that: " << resumes_all << '\n';
    return exit;
}
Exit adopt(Call const& call, Console& console) {
    return post(call, console, "/adopt", "will adopt resources that have its names");
}
Exit take_over(Call const& call, Console& console) {
    auto const targets = objects_of(call);
    auto const done = send_each(Client(call.socket), targets, "POST", "/take-over", console,
                                [](json::value const&) { return "is now managed through the API"; });
    return done.size() == targets.size() ? fine : failed;
}

Exit wait(Call const& call, Console& console) {
    return wait_for(Client(call.socket), awaited(objects_of(call)),
                    call.wait_for == "gone" ? Until::gone : Until::ready, call.timeout, console);
}

// Prints changes until interrupted. A daemon that restarts is waited for, one that was never there is not.
Exit watch(Call const& call, Console& console) {
    std::vector<Target> targets;
    if (call.targets.empty())
        for (auto const& kind : object_kinds()) targets.push_back({.kind = &kind, .name = {}});
    else
        targets.push_back(target_of(call.targets.front()));
    Client const client(call.socket);
    auto const end = std::chrono::steady_clock::now() + call.timeout;
    std::map<std::string, std::string> before;
    bool answered = false, away = false;
    auto const look = [&] {
        try {
            auto out = lines_now(client, targets);
            answered = true, away = false;
            return out;
        } catch (NoDaemon const& gone) {
            if (!answered) throw;
            if (!std::exchange(away, true)) console.err << gone.what() << '\n';
            return before;
        }
    };
    for (;; std::this_thread::sleep_for(std::chrono::seconds(1))) {
        auto now = look();
        for (auto const& [object, line] : now)
            if (auto const at = before.find(object); at == before.end() || at->second != line)
                console.out << object << ' ' << line << '\n';
        for (auto const& [object, line] : before)
            if (!now.contains(object)) console.out << object << " gone\n";
        if (!console.out.flush()) return failed;
        before = std::move(now);
        if (call.timeout.count() > 0 && std::chrono::steady_clock::now() >= end) return fine;
    }
}

}  // namespace genesis::cli
