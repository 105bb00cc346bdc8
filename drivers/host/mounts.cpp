// proc_pid_mountinfo(5), read once for each question.
#include "drivers/host/mounts.hpp"

#include "drivers/host/files.hpp"

#include <unistd.h>

#include <sstream>

namespace genesis::host {

namespace {

constexpr std::size_t most = 64u << 20;

}  // namespace

// Blanks and backslashes in a mount point are written as \040 and the like; no path that is asked for contains one.
std::optional<std::string> mount_at_or_beneath(std::string_view path) {
    auto const file = Dir::open("/proc").read(std::to_string(::getpid()) + "/mountinfo", most);
    if (!file) throw Fault("/proc: no mountinfo");
    std::istringstream lines(file->bytes);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id, parent, device, root, at;
        if (!(words >> id >> parent >> device >> root >> at)) continue;
        if (at.starts_with(path) && (at.size() == path.size() || at[path.size()] == '/')) return at;
    }
    return std::nullopt;
}

}  // namespace genesis::host
