// Users: one look at the user database, new ones in one batch, the system's own tools for every change.
#include "drivers/host/names.hpp"
#include "drivers/unix/driver.hpp"

#include <algorithm>
#include <sstream>

namespace genesis {

using namespace unix_accounts;

namespace {

std::int64_t today(Context const& context) {
    return std::chrono::duration_cast<std::chrono::days>(context.clock.now().time_since_epoch()).count();
}

bool same(UnixUser const& a, UnixUser const& b) {
    return a.uid == b.uid && a.home == b.home && a.login == b.login && a.shell == b.shell && a.expired == b.expired &&
           a.entry == b.entry;
}

Unmanaged<UnixUser> unmanaged_user(std::string const& name, User const& user, Accounts const& all, std::int64_t day) {
    return {record_of(name, user, all, day),
            "user " + name + " (" + std::to_string(user.uid) + ") exists and is not ours"};
}

// A group without its user is unmanaged, unless its number says that our last attempt ended half way.
std::optional<Unmanaged<UnixUser>> unmanaged_group(std::string const& name, std::int64_t gid) {
    if (in_range(gid)) return std::nullopt;
    UnixUser value;
    value.name = AccountName::checked(name);
    return Unmanaged<UnixUser>{value, "group " + name + " (" + std::to_string(gid) + ") exists and is not ours"};
}

// True when users may come from elsewhere than the local files (LDAP …), so that asking NSS is worth its time.
bool names_from_elsewhere() {
    auto const file = host::Dir::open("/etc").read("nsswitch.conf");
    if (!file) return false;
    std::istringstream lines(file->bytes);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word) || word != "passwd:") continue;
        while (words >> word)
            if (word != "files" && word != "compat" && word != "systemd") return true;
    }
    return false;
}

// Why this user must not be made here; nothing when it may. systemd-sysusers itself would silently choose another
// number where ours is taken, and take over a user or group that exists.
std::optional<std::string> obstacle(UnixUser const& want, Accounts const& all) {
    auto const& name = want.name.str();
    auto const uid = std::to_string(want.uid);
    if (!in_range(want.uid)) return "the number " + uid + " is not one for accounts";
    if (auto const user = all.users.find(name); user != all.users.end()) {
        if (!user->second.ours())
            return "user " + name + " (" + std::to_string(user->second.uid) + ") exists and is not ours";
        if (user->second.uid != want.uid) return "user " + name + " has the number " + std::to_string(user->second.uid);
    }
    if (auto const taken = all.by_uid.find(want.uid); taken != all.by_uid.end() && taken->second != name)
        return "the number " + uid + " belongs to user " + taken->second;
    if (auto const group = all.groups.find(name); group != all.groups.end() && group->second != want.uid)
        return "group " + name + " (" + std::to_string(group->second) + ") exists and is not ours";
    if (auto const taken = all.by_gid.find(want.uid); taken != all.by_gid.end() && taken->second != name)
        return "the number " + uid + " belongs to group " + taken->second;
    return std::nullopt;
}

// sysusers.d(5); every value has an alphabet without quotes, spaces or specifiers.
std::string sysusers_lines(UnixUser const& want) {
    auto const &name = want.name.str(), uid = std::to_string(want.uid);
    auto const shell = want.shell.empty() ? std::string("-") : want.shell;
    return "g " + name + " " + uid + "\nu " + name + " " + uid + ":" + uid + " \"" + std::string(marker) + "\" " +
           want.home.str() + " " + shell + "\nm " + name + " " + std::string(group_of(want.login)) + "\n";
}

std::string login_groups() {
    std::string out;
    for (auto const login : {Login::none, Login::sftp, Login::shell})
        out += "g " + std::string(group_of(login)) + " -\n";
    return out;
}

bool plain(std::string_view text) { return text.find_first_of(" \t\n\"'\\%:") == std::string_view::npos; }

// The user's other groups, which are the operator's, with the one login group it should be in.
std::string groups_with_login(UnixUser const& want, Accounts const& all) {
    std::string out(group_of(want.login));
    auto const groups = all.groups_of.find(want.name.str());
    if (groups == all.groups_of.end()) return out;
    for (auto const& group : groups->second)
        if (group != group_of(Login::none) && group != group_of(Login::sftp) && group != group_of(Login::shell))
            out += "," + group;
    return out;
}

std::vector<std::string> usermod(UnixUser const& want, UnixUser const& have, Accounts const& all) {
    std::vector<std::string> argv{"/usr/sbin/usermod"};
    auto const add = [&](std::string flag, std::string value) {
        argv.push_back(std::move(flag));
        argv.push_back(std::move(value));
    };
    if (want.home != have.home) add("-d", want.home.str());
    if (want.shell != have.shell) add("-s", want.shell);
    if (want.expired != have.expired) add("-e", want.expired ? "1" : "");
    if (all.users.at(want.name.str()).gid != want.uid) add("-g", std::to_string(want.uid));
    if (want.login != have.login || want.entry != have.entry) add("-G", groups_with_login(want, all));
    argv.emplace_back("--");
    argv.push_back(want.name.str());
    return argv;
}

std::string awaits_sweep(uid_t uid) {
    return "files of the former user " + std::to_string(uid) + " are still being removed";
}

}  // namespace

Observed<UnixUser> UnixDriver::observe(Of<UnixUser>, Scope const& scope, Context& context) {
    leftovers_->begin(context);
    auto const& all = accounts_.read();
    auto const day = today(context);
    Observed<UnixUser> out;
    auto const look = [&](std::string const& name) {
        auto const user = all.users.find(name);
        if (user != all.users.end() && user->second.ours()) {
            out.found.push_back(record_of(name, user->second, all, day));
        } else if (user != all.users.end()) {
            out.unmanaged.push_back(unmanaged_user(name, user->second, all, day));
        } else if (auto const group = all.groups.find(name); group != all.groups.end()) {
            if (auto unmanaged = unmanaged_group(name, group->second)) out.unmanaged.push_back(std::move(*unmanaged));
        }
    };
    await_sweep(scope, out);
    if (!scope.everything()) {
        for (auto const& key : scope.keys) look(key);
    } else {
        for (auto const& [name, user] : all.users) look(name);
        for (auto const& [name, gid] : all.groups)
            if (!all.users.contains(name)) look(name);
    }
    note_processes(out);
    return out;
}

void UnixDriver::await_sweep(Scope const& scope, Observed<UnixUser>& out) {
    if (waiting_.empty()) return;
    auto const swept_for = leftovers_->swept_for();
    std::erase_if(waiting_, [&](auto const& entry) { return !swept_for.contains(entry.second.first); });
    for (auto const& [name, entry] : waiting_)
        if (scope.everything() || std::ranges::find(scope.keys, name) != scope.keys.end())
            out.in_progress.emplace_back(name, Progress{awaits_sweep(entry.first), {}, entry.second});
}

// What has no entry yet, or no group of its own, through one run of systemd-sysusers: locked, atomic, durable.
void UnixDriver::create(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context) {
    auto const& all = accounts_.read();
    bool const elsewhere = names_from_elsewhere();
    auto const swept_for = leftovers_->swept_for();
    std::string input;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        auto const& want = steps[i].want;
        if (steps[i].verb == Verb::remove) continue;
        if (!plain(want.shell)) {
            outcomes[i] = {Outcome::terminal, "the shell is no path"};
        } else if (auto const why = obstacle(want, all)) {
            outcomes[i] = {Outcome::retry, *why};
        } else if (!all.users.contains(want.name.str())) {
            auto const uid = static_cast<uid_t>(want.uid);
            if (swept_for.contains(uid)) {
                waiting_.try_emplace(want.name.str(), uid, context.clock.now());
                outcomes[i] = {Outcome::in_progress, awaits_sweep(uid)};
            } else if (elsewhere && host::user_id(want.name.str()))
                outcomes[i] = {Outcome::retry, "user " + want.name.str() + " is known from elsewhere"};
            else
                input += sysusers_lines(want);
        } else if (!all.groups.contains(want.name.str())) {
            input += "g " + want.name.str() + " " + std::to_string(want.uid) + "\n";
        }
    }
    for (auto const login : {Login::none, Login::sftp, Login::shell})
        if (!all.groups.contains(group_of(login))) return run_sysusers(login_groups() + input, context);
    if (!input.empty()) run_sysusers(input, context);
}

host::ExecResult UnixDriver::run_tool(std::vector<std::string> argv, std::string input, Context& context) const {
    if (layout_.passwd != "/etc") throw Fault(argv[0] + " works on /etc only");
    return host::run({.argv = std::move(argv), .input = std::move(input)}, context);
}

void UnixDriver::run_sysusers(std::string const& input, Context& context) const {
    auto const ran = run_tool({"/usr/bin/systemd-sysusers", "-"}, input, context);
    // What it did is read back, so its exit code is only worth a line.
    if (!ran.ok()) context.log.write(Level::warning, "systemd-sysusers", {{"why", ran.why()}});
}

// Everything that differs by now, one usermod a user; then the truth is read back for all.
void UnixDriver::modify(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context) {
    auto const& all = accounts_.read();
    auto const day = today(context);
    bool changed = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].verb == Verb::remove || outcomes[i].how != Outcome::done) continue;
        auto const& want = steps[i].want;
        auto const user = all.users.find(want.name.str());
        if (user == all.users.end() || user->second.uid != want.uid) {
            outcomes[i] = {Outcome::retry, "systemd-sysusers did not make it"};
            continue;
        }
        auto const have = record_of(want.name.str(), user->second, all, day);
        if (same(want, have)) continue;
        changed = true;
        outcomes[i] = one_step(context, [&] {
            auto const ran = run_tool(usermod(want, have, all), {}, context);
            return ran.ok() ? Outcome{} : Outcome{Outcome::retry, "usermod: " + ran.why()};
        });
    }
    if (!changed) return;
    accounts_.read();
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].verb == Verb::remove || outcomes[i].how != Outcome::done) continue;
        auto const& name = steps[i].want.name.str();
        auto const have = record_of(name, all.users.at(name), all, day);
        if (!same(steps[i].want, have))
            outcomes[i] = {Outcome::retry, "not as it should be after usermod: " + have.entry};
    }
}

std::vector<Outcome> UnixDriver::apply(std::span<Step<UnixUser> const> steps, Context& context) {
    std::vector<Outcome> outcomes(steps.size());
    auto const keeps = [](auto const& step) { return step.verb != Verb::remove; };
    if (std::any_of(steps.begin(), steps.end(), keeps)) {
        create(steps, outcomes, context);
        modify(steps, outcomes, context);
        suspend(steps, outcomes, context);
    }
    if (!std::all_of(steps.begin(), steps.end(), keeps)) try {
            remove(steps, outcomes, context);
        } catch (Fault const& fault) {  // theirs alone: what was done for the others is done
            for (std::size_t i = 0; i < steps.size(); ++i)
                if (!keeps(steps[i])) outcomes[i] = {Outcome::retry, fault.what()};
        }
    return outcomes;
}

}  // namespace genesis
