// Names this machine already uses, asked of NSS and of the local files only.
#include "drivers/host/names.hpp"

#include "drivers/host/files.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <vector>

namespace genesis::host {

namespace {

// Asks one of the getXXnam_r or getXXid_r family with a buffer that grows; an error of NSS is a Fault, not "absent".
template <class Entry, class Key, class Ask>
bool look_up(Entry& entry, Key key, Ask ask) {
    std::vector<char> buffer(4096);
    for (;;) {
        Entry* found = nullptr;
        int const error = ask(key, &entry, buffer.data(), buffer.size(), &found);
        if (error == 0) return found != nullptr;
        if (error == ENOENT || error == ESRCH) return false;
        if (error != ERANGE || buffer.size() > (1u << 24)) throw Fault("the system cannot say who its users are");
        buffer.resize(buffer.size() * 2);
    }
}

std::string lower(std::string text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// The first name with a dot on the line of hosts(5) that names this machine.
std::optional<std::string> from_hosts(std::string const& short_name) {
    auto const dir = Dir::open("/etc");
    auto const file = dir.read("hosts");
    if (!file) return std::nullopt;
    std::istringstream lines(file->bytes);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::vector<std::string> names;
        for (std::string word; words >> word;) names.push_back(lower(word));
        if (std::find(names.begin() + (names.empty() ? 0 : 1), names.end(), short_name) == names.end()) continue;
        for (std::size_t i = 1; i < names.size(); ++i)
            if (names[i].find('.') != std::string::npos) return names[i];
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> user_id(std::string const& name) {
    passwd entry{};
    if (!look_up(entry, name.c_str(), ::getpwnam_r)) return std::nullopt;
    return entry.pw_uid;
}

bool has_user(std::uint32_t uid) {
    passwd entry{};
    return look_up(entry, uid, ::getpwuid_r);
}

std::optional<std::uint32_t> group_id(std::string const& name) {
    group entry{};
    if (!look_up(entry, name.c_str(), ::getgrnam_r)) return std::nullopt;
    return entry.gr_gid;
}

std::string host_name() {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0) throw Fault("the host name cannot be read");
    return lower(name);
}

std::string full_host_name() {
    auto name = host_name();
    if (name.find('.') != std::string::npos) return name;
    return from_hosts(name).value_or(name);
}

}  // namespace genesis::host
