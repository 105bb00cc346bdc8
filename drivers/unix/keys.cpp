// ~/.ssh/authorized_keys: written whole, read back line by line.
#include "drivers/unix/driver.hpp"

#include <algorithm>

namespace genesis {

using namespace unix_accounts;

namespace {

constexpr std::string_view header = "# kept by genesis: changes are undone";
constexpr std::string_view file_name = "authorized_keys";

std::string render(AuthorizedKeys const& want) {
    std::string out(header);
    out += '\n';
    for (auto const& key : want.keys) out += key.str() + '\n';
    return out;
}

host::Owner owner_of(std::int64_t uid, mode_t mode) { return {static_cast<uid_t>(uid), static_cast<gid_t>(uid), mode}; }

std::string wrong_owner(std::string_view what, host::Owner const& is, host::Owner const& wanted) {
    if (is.uid == wanted.uid && is.gid == wanted.gid && is.mode == wanted.mode) return {};
    return std::string(what) + ": mode " + host::describe(is) + ", wanted " + host::describe(wanted);
}

// The keys in the file; `file` says which line is no key, or that the bytes are not those we write.
void parse(std::string_view const bytes, AuthorizedKeys& into) {
    auto rest = bytes;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        auto const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (number == 1 && line == header) continue;
        if (auto key = SshKey::try_parse(line))
            into.keys.push_back(std::move(*key));
        else if (into.file == intact)
            into.file = "line " + std::to_string(number) + " is not ours";
    }
    if (into.file == intact && bytes != render(into)) into.file = "not written by us";
}

// Fills `file` and `keys`; false when there is no such file.
bool read_keys(host::Dir const& homes, std::string const& home, AuthorizedKeys& into) {
    auto const ssh = homes.try_view(home + "/.ssh");
    auto const file = ssh ? ssh->read(file_name) : std::nullopt;
    if (!file) return false;
    into.file = wrong_owner(".ssh", ssh->look_self().owner, owner_of(into.uid, 0700));
    if (into.file.empty()) into.file = wrong_owner(file_name, file->seen.owner, owner_of(into.uid, 0600));
    if (into.file.empty()) into.file = intact;
    parse(file->bytes, into);
    return true;
}

// The home beneath `homes`, through no link; nothing when it is missing, a Fault when it lies elsewhere.
std::optional<host::Dir> open_home(Trees& trees, std::string const& home) {
    if (!trees.in_home(home)) throw Fault(home + ": no home directory of ours");
    auto const* homes = trees.homes();
    return homes ? homes->try_beneath(trees.relative(home)) : std::nullopt;
}

Outcome write_keys(AuthorizedKeys const& want, Trees& trees) {
    if (!in_range(want.uid)) return {Outcome::terminal, std::to_string(want.uid) + " is not the number of an account"};
    auto const home = open_home(trees, want.home.str());
    if (!home) return {Outcome::retry, want.home.str() + ": missing"};
    home->make(".ssh", owner_of(want.uid, 0700));
    home->beneath(".ssh").write(file_name, render(want), owner_of(want.uid, 0600), false);
    return {};
}

Outcome remove_keys(AuthorizedKeys const& have, Trees& trees) {
    auto const home = open_home(trees, have.home.str());
    auto const ssh = home ? home->look(".ssh") : std::nullopt;
    if (ssh && ssh->kind == host::FileStat::directory) home->beneath(".ssh").remove(file_name);
    return {};
}

}  // namespace

Observed<AuthorizedKeys> UnixDriver::observe(Of<AuthorizedKeys>, Scope const& scope, Context& context) {
    Observed<AuthorizedKeys> out;
    if (scope.everything()) return out;
    auto const& all = accounts_.read();
    Trees trees(layout_.homes);
    auto const* homes = trees.homes();
    for (auto const& key : scope.keys) {
        context.check();
        auto const user = all.users.find(key);
        if (!homes || user == all.users.end() || !user->second.ours() || !trees.in_home(user->second.home)) continue;
        AuthorizedKeys found;
        found.owner = AccountName::checked(key);
        found.uid = user->second.uid;
        found.home = AbsolutePath::checked(user->second.home);
        try {
            if (read_keys(*homes, std::string(trees.relative(user->second.home)), found))
                out.found.push_back(std::move(found));
        } catch (Fault const& fault) {  // a link, a FIFO, a second hard link: there, but not as it should be
            found.file = fault.what();
            out.found.push_back(std::move(found));
        }
    }
    return out;
}

std::vector<Outcome> UnixDriver::apply(std::span<Step<AuthorizedKeys> const> steps, Context& context) {
    std::vector<Outcome> outcomes;
    Trees trees(layout_.homes);
    for (auto const& step : steps)
        outcomes.push_back(one_step(context, [&] {
            return step.verb == Verb::remove ? remove_keys(step.have, trees) : write_keys(step.want, trees);
        }));
    return outcomes;
}

}  // namespace genesis
