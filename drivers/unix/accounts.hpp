// The local user database as it is on disk: passwd(5), group(5) and shadow(5).
#pragma once
#include "drivers/unix/kinds.hpp"

#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace genesis::unix_accounts {

// Together with a number that Genesis gives out, in the first field of GECOS, it marks a user as ours.
inline constexpr std::string_view marker = "genesis";
inline constexpr bool in_range(std::int64_t uid) { return uid >= first_uid && uid <= last_uid; }

struct User {
    std::int64_t uid = 0, gid = 0;
    std::string gecos, home, shell;
    std::string expires;  // days since 1970, or empty
    // chfn(1) lets a tenant append its own fields to GECOS, never change the first.
    [[nodiscard]] bool ours() const { return in_range(uid) && gecos.substr(0, gecos.find(',')) == marker; }
};

struct Accounts {
    std::map<std::string, User, std::less<>> users;
    std::map<std::string, std::int64_t, std::less<>> groups;
    std::map<std::int64_t, std::string> by_uid, by_gid;                   // the first bearer of each number
    std::map<std::string, std::set<std::string>, std::less<>> groups_of;  // user → its supplementary groups
};

// The files of one directory, read again only when one of them changed.
class AccountFiles {
public:
    explicit AccountFiles(std::string dir) : dir_(std::move(dir)) {}
    // Valid until the next call. Throws Fault when a file is missing or has no line at all: an empty database is a
    // broken one.
    Accounts const& read();

private:
    std::string dir_;
    std::array<std::optional<host::FileStat>, 3> seen_;
    Accounts accounts_;
};

std::string_view group_of(Login login);

// The user as a record; `today` in days since 1970.
UnixUser record_of(std::string const& name, User const& user, Accounts const& all, std::int64_t today);

}  // namespace genesis::unix_accounts
