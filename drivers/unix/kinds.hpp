// What a machine has of Unix accounts: users, their directories, the keys that open them.
#pragma once
#include "drivers/layout.hpp"
#include "resources/schema/claim.hpp"
#include "resources/schema/codec.hpp"

#include <array>

namespace genesis {

inline std::string home_of(NodeLayout const& layout, AccountName const& account) {
    return layout.homes + "/" + account.str();
}
inline std::string site_dir_of(std::string_view home, Domain const& site) {
    return std::string(home) + "/sites/" + site.str();
}
inline std::string log_dir_of(NodeLayout const& layout, AccountName const& account) {
    return layout.logs + "/" + account.str();
}

// How the tenant may log in over SSH.
enum class Login { none, sftp, shell };
template <>
struct EnumNames<Login> {
    static constexpr std::array names{std::pair{Login::none, std::string_view("none")},
                                      std::pair{Login::sftp, std::string_view("sftp")},
                                      std::pair{Login::shell, std::string_view("shell")}};
};

// What the fields that stand for a managed file say when nothing is wrong with it; otherwise one line on what is.
inline constexpr std::string_view intact = "intact";

struct UnixUser {
    AccountName name;
    std::int64_t uid = 0;
    AbsolutePath home;
    Login login = Login::none;
    std::string shell;
    bool expired = false;
    std::string entry{intact};
};
template <>
struct Describe<UnixUser> {
    static constexpr std::string_view kind = "unix_user", doc = "A user and the group of the same name and number.";
    static constexpr std::size_t slow_updates = 8, slow_removals = 4;  // one usermod(8) or userdel(8) each
    static constexpr auto fields = std::tuple{
        field("name", &UnixUser::name, "Login name, also of the group.", Attribute::key | Attribute::fixed),
        field("uid", &UnixUser::uid, "User and group number.", Attribute::required | Attribute::fixed,
              {.min = first_uid, .max = last_uid}),
        field("home", &UnixUser::home, "Home directory as passwd(5) has it.", Attribute::required),
        field(
            "login", &UnixUser::login,
            "Which of the groups genesis-nossh, genesis-sftp and genesis-shell the user is in; sshd decides by them."),
        field("shell", &UnixUser::shell, "Login shell."),
        field("expired", &UnixUser::expired, "Expired in shadow(5): no login, no cron, and what it runs is ended."),
        field("entry", &UnixUser::entry,
              "\"intact\", or what is wrong with the user's entries: its group, its login groups; or what an expired "
              "user "
              "still runs."),
    };
};

// A directory whose owner and mode are kept. Beneath /home its ancestors belong to a tenant.
struct Directory {
    AbsolutePath path;
    AccountName owner;
    std::int64_t uid = 0, gid = 0;
    FileMode mode{"0755"};
    std::string placeholder_page;
    std::string file{intact};
};
template <>
struct Describe<Directory> {
    static constexpr std::string_view kind = "directory", doc = "A directory with its owner and mode.";
    static constexpr bool enumerable = false;  // nothing marks ours among the tenant's: looked at by key only
    static constexpr bool holds_data = true;
    static constexpr auto fields = std::tuple{
        field("path", &Directory::path, "Where it is.", Attribute::key | Attribute::fixed),
        field("owner", &Directory::owner, "The user whose directory it is; its removal waits for the directory's.",
              Attribute::write_only, {.refers_to = "unix_user"}),
        field("uid", &Directory::uid, "Owner.", Attribute::none, {.min = 0, .max = 65533}),
        field("gid", &Directory::gid, "Group.", Attribute::none, {.min = 0, .max = 65533}),
        field("mode", &Directory::mode, "Permission bits."),
        field("placeholder_page", &Directory::placeholder_page,
              "A domain, or static: and a domain: a directory newly made gets a first index page for it, in PHP or "
              "plain, "
              "which is the tenant's from then on.",
              Attribute::write_only),
        field("file", &Directory::file, "\"intact\", or what stands in the directory's way."),
    };
};

struct AuthorizedKeys {
    AccountName owner;
    std::int64_t uid = 0;
    AbsolutePath home;
    std::vector<SshKey> keys;
    std::string file{intact};
};
template <>
struct Describe<AuthorizedKeys> {
    static constexpr std::string_view kind = "authorized_keys", doc = "~/.ssh/authorized_keys of a user.";
    static constexpr bool enumerable = false;  // looked at by key only
    static constexpr auto fields = std::tuple{
        field("owner", &AuthorizedKeys::owner, "Whose keys.", Attribute::key | Attribute::fixed,
              {.refers_to = "unix_user"}),
        field("uid", &AuthorizedKeys::uid, "The owner's number.", Attribute::required),
        field("home", &AuthorizedKeys::home, "Home directory.", Attribute::required, {.refers_to = "directory"}),
        field("keys", &AuthorizedKeys::keys, "One line each, in this order."),
        field("file", &AuthorizedKeys::file,
              "\"intact\", or what is wrong with the file: its owner, mode, kind or a line that is not ours."),
    };
};

}  // namespace genesis
