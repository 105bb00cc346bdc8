// Parsing of the local user database, without NSS: what other sources know is not ours to keep.
#include "drivers/unix/accounts.hpp"

#include <charconv>

namespace genesis::unix_accounts {

namespace {

constexpr std::size_t most = 256u << 20;

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> out;
    for (;;) {
        auto const at = text.find(by);
        out.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + 1);
    }
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

template <class Visit>
void each_line(std::string_view bytes, std::size_t fields, Visit visit) {
    for (auto const line : split(bytes, '\n')) {
        auto const parts = split(line, ':');
        if (parts.size() >= fields && !parts[0].empty()) visit(parts);
    }
}

void read_passwd(std::string_view bytes, Accounts& out) {
    each_line(bytes, 7, [&](auto const& f) {
        auto const uid = number(f[2]), gid = number(f[3]);
        if (!uid || !gid) return;
        out.users.try_emplace(std::string(f[0]),
                              User{*uid, *gid, std::string(f[4]), std::string(f[5]), std::string(f[6]), ""});
        out.by_uid.try_emplace(*uid, f[0]);
    });
}

void read_group(std::string_view bytes, Accounts& out) {
    each_line(bytes, 4, [&](auto const& f) {
        auto const gid = number(f[2]);
        if (!gid) return;
        out.groups.try_emplace(std::string(f[0]), *gid);
        out.by_gid.try_emplace(*gid, f[0]);
        if (f[3].empty()) return;
        for (auto const member : split(f[3], ',')) out.groups_of[std::string(member)].emplace(f[0]);
    });
}

void read_shadow(std::string_view bytes, Accounts& out) {
    each_line(bytes, 8, [&](auto const& f) {
        if (auto const user = out.users.find(f[0]); user != out.users.end()) user->second.expires = f[7];
    });
}

}  // namespace

Accounts const& AccountFiles::read() {
    constexpr std::array files{"passwd", "group", "shadow"};
    auto const dir = host::Dir::open(dir_);
    if (seen_[0] && std::array{dir.look(files[0]), dir.look(files[1]), dir.look(files[2])} == seen_) return accounts_;
    seen_ = {};
    accounts_ = {};
    std::array<std::optional<host::FileStat>, 3> seen;
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto const file = dir.read(files[i], most);
        if (!file || file->bytes.empty()) throw Fault(dir.path() + "/" + files[i] + ": missing or empty");
        seen[i] = file->seen;
        (i == 0 ? read_passwd : i == 1 ? read_group : read_shadow)(file->bytes, accounts_);
    }
    seen_ = seen;
    return accounts_;
}

std::string_view group_of(Login login) {
    switch (login) {
        case Login::none:
            return "genesis-nossh";
        case Login::sftp:
            return "genesis-sftp";
        case Login::shell:
            return "genesis-shell";
    }
    return {};
}

namespace {

std::string what_is_wrong(std::string const& name, User const& user, Accounts const& all, std::size_t logins) {
    auto const group = all.groups.find(name);
    if (group == all.groups.end()) return "the group " + name + " is missing";
    if (group->second != user.uid) return "the group " + name + " has the number " + std::to_string(group->second);
    if (user.gid != user.uid) return "its first group has the number " + std::to_string(user.gid);
    if (logins == 0) return "in no login group";
    if (logins > 1) return "in more than one login group";
    return std::string(intact);
}

}  // namespace

UnixUser record_of(std::string const& name, User const& user, Accounts const& all, std::int64_t today) {
    UnixUser out;
    out.name = AccountName::checked(name);
    out.uid = user.uid;
    out.home = AbsolutePath::checked(user.home);
    out.shell = user.shell;
    auto const expires = number(user.expires);
    out.expired = expires && *expires <= today;
    std::size_t logins = 0;
    if (auto const groups = all.groups_of.find(name); groups != all.groups_of.end())
        for (auto const login : {Login::shell, Login::sftp, Login::none})
            if (groups->second.contains(std::string(group_of(login)))) out.login = login, ++logins;
    out.entry = what_is_wrong(name, user, all, logins);
    return out;
}

}  // namespace genesis::unix_accounts
