// What users run, processes and sessions: seen of those who are expired, ended at a suspension and at a removal.
#include "drivers/host/processes.hpp"
#include "drivers/unix/driver.hpp"

namespace genesis {

namespace {

// Units of Genesis that run as a tenant, as its PHP does, end by their own drivers; so do its own children.
constexpr std::string_view own_units = "genesis";

std::set<uid_t> numbers_of(std::map<uid_t, std::string> const& users) {
    std::set<uid_t> out;
    for (auto const& [uid, name] : users) out.insert(uid);
    return out;
}

}  // namespace

// Those who have a session that goes on are taken out of `users`, with the reason.
std::map<uid_t, std::string> UnixDriver::stop_sessions(std::map<uid_t, std::string>& users, Context const& context) {
    std::map<std::string, uid_t> owners;
    std::vector<std::string> wanted, there;
    for (auto const& [uid, name] : users)
        for (auto const& unit : {"user@" + std::to_string(uid) + ".service", "user-" + std::to_string(uid) + ".slice",
                                 "user-runtime-dir@" + std::to_string(uid) + ".service"}) {
            owners.emplace(unit, uid);
            wanted.push_back(unit);
        }
    for (auto const& [unit, state] :
         systemd_.loaded(wanted, {"user@*.service", "user-*.slice", "user-runtime-dir@*.service"}, context))
        there.push_back(unit);
    auto const ended = systemd_.stop(there, stop_longest, context);
    systemd_.reset_failed(there, context);
    std::map<uid_t, std::string> left;
    for (auto const& unit : ended.going_on) {
        left.emplace(owners.at(unit), unit + " has not ended yet");
        users.erase(owners.at(unit));
    }
    return left;
}

// Processes are killed first: a session that is asked to stop may take its time. Those who have a process still are
// taken out of `users`, with the reason.
std::map<uid_t, std::string> UnixDriver::end_what_runs(std::map<uid_t, std::string>& users, std::string_view spared,
                                                       Context const& context) {
    auto const end_processes = [&] {
        auto left = host::end_processes(numbers_of(users), context.within(kill_longest), spared);
        for (auto const& [uid, why] : left) users.erase(uid);
        return left;
    };
    auto left = end_processes();
    try {
        if (!users.empty() && layout_.passwd == "/etc")
            left.merge(stop_sessions(users, context.within(answer_longest)));
    } catch (Expired const&) {
        throw Fault("their sessions do not end");
    } catch (Fault const& fault) {  // without systemd there are no sessions of its making
        context.log.write(Level::warning, "sessions not stopped", {{"why", fault.what()}});
    }
    left.merge(end_processes());
    return left;
}

// Most run nothing: they cost one look together, and systemd is not asked about them.
std::map<uid_t, std::string> UnixDriver::end_suspended(std::map<uid_t, std::string>& users, Context const& context) {
    auto const running = host::running(numbers_of(users), own_units);
    std::erase_if(users, [&](auto const& user) { return !running.contains(user.first); });
    return users.empty() ? std::map<uid_t, std::string>() : end_what_runs(users, own_units, context);
}

// Of those who cannot log in any more. The step that closes an account is done whatever still runs, for its sites wait
// for that step; the next look finds what runs, and the step for that fails with it.
void UnixDriver::suspend(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context) {
    std::map<uid_t, std::string> users;
    auto const is_closed = [&](std::size_t i) {
        return steps[i].verb != Verb::remove && steps[i].want.expired && outcomes[i].how == Outcome::done;
    };
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (is_closed(i)) users.emplace(static_cast<uid_t>(steps[i].want.uid), steps[i].want.name.str());
    if (users.empty()) return;
    std::map<uid_t, std::string> left;
    auto const ended = one_step(context, [&] { return left = end_suspended(users, context), Outcome{}; });
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (!is_closed(i) || !steps[i].have.expired) continue;
        outcomes[i] = ended;
        if (auto const why = left.find(static_cast<uid_t>(steps[i].want.uid)); why != left.end())
            outcomes[i] = {Outcome::retry, why->second};
    }
}

// Only where somebody is expired is there a look at all processes, one for all.
void UnixDriver::note_processes(Observed<UnixUser>& seen) {
    std::set<uid_t> uids;
    for (auto const& user : seen.found)
        if (user.expired) uids.insert(static_cast<uid_t>(user.uid));
    if (uids.empty()) return;
    auto const running = host::running(uids, own_units);
    for (auto& user : seen.found) {
        auto const process = running.find(static_cast<uid_t>(user.uid));
        if (user.expired && user.entry == intact && process != running.end())
            user.entry = "expired, but still runs " + process->second;
    }
}

}  // namespace genesis
