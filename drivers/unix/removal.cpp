// Removing users so that nothing of their number is left: sessions, processes, IPC, entries; their files follow.
#include "drivers/host/processes.hpp"
#include "drivers/unix/driver.hpp"

#include <algorithm>

namespace genesis {

using namespace unix_accounts;

namespace {

void remove_named(std::string const& dir, std::string const& name) {
    auto const found = host::Dir::try_open(dir);
    auto const seen = found ? found->look(name) : std::nullopt;
    if (seen && seen->kind != host::FileStat::directory) found->remove(name);
}

}  // namespace

std::unique_ptr<Leftovers> UnixDriver::make_leftovers(NodeLayout const& layout, UnixSettings const& settings) {
    std::vector<std::string> swept;
    for (auto const& path : settings.sweep) swept.push_back(path.str());
    swept.emplace_back("/run/user");
    return std::make_unique<Leftovers>(std::vector{layout.homes, layout.logs, layout.run}, std::move(swept));
}

// The tool's complaint, or nothing; what is gone already (exit code 6 of both tools) is fine.
std::string UnixDriver::delete_with(std::string const& tool, std::string const& name, Context& context) const {
    auto const ran = run_tool({tool, "--", name}, {}, context);
    return ran.ok() || ran.code == 6 ? std::string() : tool + ": " + ran.why();
}

// Those who have a process or session still are taken out of `users`, with the reason.
std::map<uid_t, std::string> UnixDriver::end_users(std::map<uid_t, std::string>& users, Context const& context) {
    if (layout_.passwd != "/etc") throw Fault("users are removed from /etc only");
    auto left = end_what_runs(users, {}, context);
    std::set<uid_t> uids;
    for (auto const& [uid, name] : users) uids.insert(uid);
    host::remove_ipc(uids);
    for (auto const& [uid, name] : users)
        for (auto const* dir : {"/var/lib/systemd/linger", "/var/spool/cron/crontabs", "/var/mail"})
            remove_named(dir, name);
    leftovers_->sweep(uids, context);
    return left;
}

// Why this user must not be removed; nothing where it may be, or is gone.
std::optional<std::string> UnixDriver::stands_against(UnixUser const& have, Accounts const& all) {
    auto const& name = have.name.str();
    auto const user = all.users.find(name);
    if (user != all.users.end() && !user->second.ours()) return "user " + name + " is not ours any more";
    auto const uid = user != all.users.end() ? user->second.uid : have.uid;
    if (uid != have.uid) return "user " + name + " has the number " + std::to_string(uid);
    if (auto const bearer = all.by_uid.find(uid); bearer != all.by_uid.end() && bearer->second != name)
        return "its number belongs to user " + bearer->second;
    return std::nullopt;
}

// The order matters: nothing may run once files are swept, and the entry goes last so that a crash is repeated.
void UnixDriver::remove(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context) {
    auto const& all = accounts_.read();
    std::map<uid_t, std::string> going;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].verb != Verb::remove) continue;
        if (auto const why = stands_against(steps[i].have, all))
            outcomes[i] = {Outcome::retry, *why};
        else if (in_range(steps[i].have.uid))
            going.emplace(static_cast<uid_t>(steps[i].have.uid), steps[i].have.name.str());
    }
    std::map<uid_t, std::string> left;
    auto const ended =
        going.empty() ? Outcome{} : one_step(context, [&] { return left = end_users(going, context), Outcome{}; });
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].verb != Verb::remove || outcomes[i].how != Outcome::done) continue;
        outcomes[i] = ended;
        if (auto const why = left.find(static_cast<uid_t>(steps[i].have.uid)); why != left.end())
            outcomes[i] = {Outcome::retry, why->second};
        else if (ended.how == Outcome::done && all.users.contains(steps[i].have.name.str()))
            outcomes[i] = delete_entry("/usr/sbin/userdel", steps[i].have, context);
    }
    remove_groups(steps, outcomes, context);
}

Outcome UnixDriver::delete_entry(std::string const& tool, UnixUser const& have, Context& context) const {
    return one_step(context, [&] {
        auto const why = delete_with(tool, have.name.str(), context);
        return why.empty() ? Outcome{} : Outcome{Outcome::retry, why};
    });
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
            outcomes[i] = delete_entry("/usr/sbin/groupdel", steps[i].have, context);
    }
}

}  // namespace genesis
