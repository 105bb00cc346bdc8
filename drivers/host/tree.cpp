// Removing a tree that somebody hostile may own: entry by entry, through descriptors, whatever its depth or breadth.
#include "drivers/host/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace genesis::host {

namespace {

constexpr int deepest = 128;           // descriptors held at once; what lies deeper is first moved up
constexpr std::size_t at_once = 4096;  // names held at once

struct Walk {
    int top;  // the directory under removal
    Context const& context;
    std::uint64_t moved = 0;           // numbers the names of what was moved up
    std::vector<std::string> stuck{};  // "path: why", the first few

    void note(std::string const& path, int error) {
        bool const mount = error == EXDEV || error == EBUSY;
        auto line = path + ": " + (mount ? "a mount point" : std::strerror(error));
        if (stuck.size() < 5 && std::find(stuck.begin(), stuck.end(), line) == stuck.end())
            stuck.push_back(std::move(line));
    }
};

std::vector<std::string> some_names(int dir) {
    std::vector<std::string> names;
    Fd fd(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return names;
    std::unique_ptr<DIR, int (*)(DIR*)> const stream(::fdopendir(fd.get()), ::closedir);
    if (!stream) return names;
    fd.release();
    while (auto const* entry = ::readdir(stream.get())) {
        std::string_view const name(entry->d_name);
        if (name != "." && name != "..") names.emplace_back(name);
        if (names.size() == at_once) break;
    }
    return names;
}

// To a name that is free: an attempt that was cut short may have left some.
bool move_up(int dir, std::string const& name, Walk& walk) {
    for (;;) {
        walk.context.check();
        auto const up = ".genesis-removed-" + std::to_string(++walk.moved);
        if (::renameat2(dir, name.c_str(), walk.top, up.c_str(), RENAME_NOREPLACE) == 0) return true;
        if (errno != EEXIST) return errno == ENOENT;
    }
}

void empty(int dir, std::string const& path, int depth, Walk& walk);

// True when the entry is gone from `dir`.
bool remove_entry(int dir, std::string const& name, std::string const& path, int depth, Walk& walk) {
    walk.context.check();
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return walk.note(path, errno), false;
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno != ENOTEMPTY && errno != EEXIST) return walk.note(path, errno), false;
    if (depth == deepest) return move_up(dir, name, walk) || (walk.note(path, errno), false);
    int error = 0;
    Fd const child = open_beneath(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, error);
    if (!child) return walk.note(path, error), false;
    empty(child.get(), path, depth + 1, walk);
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (walk.stuck.empty()) walk.note(path, errno);
    return false;
}

// Until a whole look at the directory removes nothing more.
void empty(int dir, std::string const& path, int depth, Walk& walk) {
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& name : some_names(dir))
            if (remove_entry(dir, name, path + "/" + name, depth, walk)) progress = true;
    }
}

std::string all_of(std::vector<std::string> const& stuck) {
    std::string text = "not removed: ";
    for (auto const& one : stuck) text.append(&one == stuck.data() ? "" : "; ").append(one);
    return text;
}

}  // namespace

bool Dir::remove_tree(std::string_view name, Context const& context) const {
    auto const seen = look(name);
    if (!seen) return false;
    if (seen->kind != FileStat::directory) return remove(name);
    auto const top = beneath(name);
    Walk walk{top.fd(), context};
    empty(top.fd(), top.path(), 0, walk);
    if (!walk.stuck.empty()) throw Fault(all_of(walk.stuck));
    if (::unlinkat(fd(), std::string(name).c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        throw Fault(top.path() + ": " + std::strerror(errno));
    return true;
}

}  // namespace genesis::host
