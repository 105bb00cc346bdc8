// All work on files: beneath a directory's descriptor, atomic, written only when something differs.
#pragma once
#include "drivers/context.hpp"
#include "drivers/host/fd.hpp"

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::host {

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0644;  // permission bits only; setuid, setgid and sticky are never set
};

// What stands at a name, without following it.
struct FileStat {
    enum Kind { regular, directory, symlink, other } kind = other;
    Owner owner;
    std::uint64_t inode = 0, links = 0, size = 0;
    std::int64_t mtime_ns = 0;
    bool operator==(FileStat const&) const;
};

// Why nobody reads it as a file of ours: a link, a FIFO, a second hard link, over `most` bytes; nothing where it may be
// read, so that a failure to is one of the moment.
std::optional<std::string> no_plain_file(FileStat const& seen, std::size_t most = 1 << 20);

struct FileRead {
    FileStat seen;
    std::string bytes;
};

// A directory held open. Everything named below is relative to it and resolved with open_beneath.
// All members throw Fault (with the path and the reason) unless they say otherwise.
class Dir {
public:
    // A path whose every ancestor belongs to root; symlinks in it are refused like anywhere else.
    static Dir open(std::string_view absolute);
    static std::optional<Dir> try_open(std::string_view absolute);  // nothing when it does not exist
    // Makes it (and missing parents, root:root 0755) first; for root's own trees only.
    static Dir make_all(std::string_view absolute, Owner const& last);

    [[nodiscard]] Dir beneath(std::string_view path) const;
    [[nodiscard]] std::optional<Dir> try_beneath(std::string_view path) const;
    // For look(), read(), list() and what lies beneath alone: nothing is written through it. Costs a file system less.
    [[nodiscard]] std::optional<Dir> try_view(std::string_view path) const;
    [[nodiscard]] std::optional<FileStat> look(std::string_view path) const;  // nothing when absent; never follows
    [[nodiscard]] FileStat look_self() const;
    // A regular file with one link; anything else (symlink, FIFO, device, hard link, over `most` bytes) throws Fault.
    [[nodiscard]] std::optional<FileRead> read(std::string_view path, std::size_t most = 1 << 20) const;
    // Names in no order; at most `most`, more is a Fault.
    [[nodiscard]] std::vector<std::string> list(std::size_t most = 1000000) const;

    // Each name in no order, and none is kept, however many there are; what is seen may be removed meanwhile.
    void each(std::function<void(std::string const& name)> const& see) const;

    // Temporary file in the same directory, fchown, fchmod, fsync (unless asked not to), renameat, fsync of the
    // directory. Returns false and writes nothing when bytes, owner and mode are already so. `path` is a plain name.
    // Whatever stood there (symlink included) is replaced, never followed; a directory is a Fault.
    bool write(std::string_view name, std::string_view bytes, Owner const& owner, bool durable = true) const;
    // Makes the directory and opens it; nothing when anything stands at the name already. `fill` is called while it is
    // still root's, with mode 0700: an empty one that is so was left by a crash, and is filled as if it were new.
    std::optional<Dir> make_new(std::string_view name, Owner const& owner,
                                std::function<void(Dir const&)> const& fill = {}) const;
    // Makes the directory or corrects owner and mode of the one there, through its descriptor. True when it changed
    // anything.
    bool make(std::string_view name, Owner const& owner) const;
    // Makes a symbolic link, in one step in place of what stood there; a directory is a Fault.
    void make_link(std::string_view name, std::string_view target) const;
    bool remove(std::string_view name) const;  // a file or symlink; false when absent
    // Removes a tree entry by entry: never follows, never crosses a mount, checks the context between entries.
    // Directories it cannot enter because of a mount are a Fault that names them; the rest is removed all the same.
    bool remove_tree(std::string_view name, Context const& context) const;
    // renameat2(2): moves what stands at the name, whatever lies in it, to a name that is free in another directory of
    // the same file system. False when it is absent; a mount point, and whatever is on another file system, is a Fault.
    bool move(std::string_view name, Dir const& to, std::string_view as) const;
    void sync() const;
    // Sets the time of modification of what stands at the name ("." for the directory itself), without following it.
    void set_modified(std::string_view name, std::int64_t seconds) const;

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::string const& path() const { return path_; }  // for messages only

private:
    [[nodiscard]] std::optional<Dir> try_opened(std::string_view path, int flags) const;
    Dir(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    std::string path_;
};

// Splits "/a/b/c" into "/a/b" and "c".
std::pair<std::string, std::string> split(std::string_view path);

// "0710 root:www-data" style text of an owner by numbers: "0710 0:33".
std::string describe(Owner const& owner);

// Says "intact", or in one line how the file differs from what it should be: "missing", "mode 0666 0:0, wanted 0640
// 0:0", "a symbolic link", "line 12 is \"Foo bar\", wanted \"Foo baz\"". Control bytes are shown as ?.
std::string compare(Dir const& dir, std::string_view name, std::string_view bytes, Owner const& owner);

// The same for a file that was read already.
std::string compare(FileRead const& file, std::string_view bytes, Owner const& owner);

}  // namespace genesis::host
