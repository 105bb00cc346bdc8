// Removing users so that nothing of their number is left: sessions, processes, IPC, files, entries.
#include "drivers/host/processes.hpp"
#include "drivers/unix/driver.hpp"

namespace genesis {

using namespace unix_accounts;

namespace {

constexpr int deepest = 32;  // how far below a swept directory a left file is looked for

// Removes whatever belongs to one of the users; never follows, never crosses a mount.
void sweep_tree(host::Dir const& dir, std::map<uid_t, std::string> const& users, int depth, Context& context) {
    for (auto const& name : dir.list()) {
        context.check();
        try {
            auto const seen = dir.look(name);
            if (!seen) continue;
            if (users.contains(seen->owner.uid))
                dir.remove_tree(name, context);
            else if (seen->kind == host::FileStat::directory && depth < deepest)
                if (auto const below = dir.try_beneath(name)) sweep_tree(*below, users, depth + 1, context);
        } catch (Expired const&) {
            throw;
        } catch (Fault const& fault) {  // a mount, or a tree that changes as we look
            context.log.write(Level::debug, "not swept", {{"why", fault.what()}});
        }
    }
}

void remove_named(std::string const& dir, std::string const& name) {
    if (auto const found = host::Dir::try_open(dir)) found->remove(name);
}

}  // namespace

// The tool's complaint, or nothing; what is gone already (exit code 6 of both tools) is fine.
std::string UnixDriver::delete_with(std::string const& tool, std::string const& name, Context& context) const {
    auto const ran = run_tool({tool, "--", name}, {}, context);
    return ran.ok() || ran.code == 6 ? std::string() : tool + ": " + ran.why();
}

void UnixDriver::stop_sessions(std::map<uid_t, std::string> const& users, Context& context) {
    std::vector<std::string> wanted, there;
    for (auto const& [uid, name] : users)
        for (auto const& unit : {"user@" + std::to_string(uid) + ".service", "user-" + std::to_string(uid) + ".slice",
                                 "user-runtime-dir@" + std::to_string(uid) + ".service"})
            wanted.push_back(unit);
    for (auto const& [unit, state] :
         systemd_.loaded(wanted, {"user@*.service", "user-*.slice", "user-runtime-dir@*.service"}, context))
        there.push_back(unit);
    systemd_.stop(there, context);
    systemd_.reset_failed(there, context);
}

void UnixDriver::sweep(std::map<uid_t, std::string> const& users, Context& context) {
    if (layout_.passwd != "/etc") throw Fault("users are removed from /etc only");
    std::set<uid_t> uids;
    for (auto const& [uid, name] : users) {
        uids.insert(uid);
        remove_named("/var/lib/systemd/linger", name);
        remove_named("/var/spool/cron/crontabs", name);
        remove_named("/var/mail", name);
    }
    try {
        stop_sessions(users, context);
    } catch (Expired const&) {
        throw;
    } catch (Fault const& fault) {  // without systemd there are no sessions of its making
        context.log.write(Level::warning, "sessions not stopped", {{"why", fault.what()}});
    }
    host::end_processes(uids, context);
    host::remove_ipc(uids);
    for (auto const& path : settings_.sweep)
        if (auto const dir = host::Dir::try_open(path)) sweep_tree(*dir, users, 0, context);
    if (auto const run = host::Dir::try_open("/run/user"))
        for (auto const& [uid, name] : users) run->remove_tree(std::to_string(uid), context);
}

// The order matters: nothing may run while files are swept, and the entry goes last so that a crash is repeated.
void UnixDriver::remove(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context) {
    auto const& all = accounts_.read();
    std::map<uid_t, std::string> going;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].verb != Verb::remove) continue;
        auto const& name = steps[i].have.name.str();
        auto const user = all.users.find(name);
        auto const uid = user != all.users.end() ? user->second.uid : steps[i].have.uid;
        if (user != all.users.end() && !user->second.ours())
            outcomes[i] = {Outcome::retry, "user " + name + " is not ours any more"};
        else if (uid != steps[i].have.uid)
            outcomes[i] = {Outcome::retry, "user " + name + " has the number " + std::to_string(uid)};
        else if (auto const bearer = all.by_uid.find(uid); bearer != all.by_uid.end() && bearer->second != name)
            outcomes[i] = {Outcome::retry, "its number belongs to user " + bearer->second};
        else if (in_range(uid))
            going.emplace(static_cast<uid_t>(uid), name);
    }
    if (!going.empty()) sweep(going, context);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (steps[i].verb == Verb::remove && outcomes[i].how == Outcome::done &&
            all.users.contains(steps[i].have.name.str()))
            if (auto const why = delete_with("/usr/sbin/userdel", steps[i].have.name.str(), context); !why.empty())
                outcomes[i] = {Outcome::retry, why};
    remove_groups(steps, outcomes, context);
}

// userdel takes the group along unless somebody else is in it.
void UnixDriver::remove_groups(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes,
                               Context& context) {
    auto const& all = accounts_.read();
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].verb != Verb::remove || outcomes[i].how != Outcome::done) continue;
        auto const& name = steps[i].have.name.str();
        auto const group = all.groups.find(name);
        if (all.users.contains(name))
            outcomes[i] = {Outcome::retry, "user " + name + " is still there"};
        else if (group != all.groups.end() && in_range(group->second))
            if (auto const why = delete_with("/usr/sbin/groupdel", name, context); !why.empty())
                outcomes[i] = {Outcome::retry, why};
    }
}

}  // namespace genesis
