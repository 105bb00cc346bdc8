// How a managed file differs from what it should be, in one line; and small path helpers.
#include "drivers/host/files.hpp"

#include <cstdio>

namespace genesis::host {

namespace {

// Untrusted bytes as at most 80 printable ones.
std::string shown(std::string_view text) {
    std::string out;
    for (char const c : text.substr(0, 80)) out += (c < 0x20 || c == 0x7f) ? '?' : c;
    return out;
}

std::string_view next_line(std::string_view& rest) {
    auto const line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    return line;
}

std::string first_difference(std::string_view have, std::string_view want) {
    for (std::size_t number = 1;; ++number) {
        auto const at = "line " + std::to_string(number);
        if (have.empty() && want.empty()) return "the end of the file differs";
        if (have.empty()) return at + " is missing, wanted \"" + shown(next_line(want)) + "\"";
        if (want.empty()) return at + " is \"" + shown(next_line(have)) + "\", wanted nothing";
        auto const is = next_line(have), wanted = next_line(want);
        if (is != wanted) return at + " is \"" + shown(is) + "\", wanted \"" + shown(wanted) + "\"";
    }
}

}  // namespace

std::pair<std::string, std::string> split(std::string_view path) {
    auto const slash = path.rfind('/');
    if (slash == std::string_view::npos) return {"", std::string(path)};
    return {std::string(slash == 0 ? "/" : path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

std::string describe(Owner const& owner) {
    char text[64];
    (void)std::snprintf(text, sizeof text, "%04o %u:%u", owner.mode, owner.uid, owner.gid);
    return text;
}

std::string compare(FileRead const& file, std::string_view bytes, Owner const& owner) {
    auto const& is = file.seen.owner;
    if (is.uid != owner.uid || is.gid != owner.gid || is.mode != owner.mode)
        return "mode " + describe(is) + ", wanted " + describe(owner);
    return file.bytes == bytes ? "intact" : first_difference(file.bytes, bytes);
}

std::string compare(Dir const& dir, std::string_view name, std::string_view bytes, Owner const& owner) {
    auto const seen = dir.look(name);
    if (!seen) return "missing";
    if (seen->kind == FileStat::symlink) return "a symbolic link";
    if (seen->kind == FileStat::directory) return "a directory";
    if (seen->kind != FileStat::regular) return "not a regular file";
    if (seen->links != 1) return "has more than one hard link";
    if (seen->size > bytes.size() + (1 << 20)) return "much too large";
    auto const file = dir.read(name, bytes.size() + (1 << 20));
    return file ? compare(*file, bytes, owner) : "missing";
}

}  // namespace genesis::host
