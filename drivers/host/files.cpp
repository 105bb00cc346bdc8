// Directories held open, and what is read and written beneath them.
#include "drivers/host/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace genesis::host {

namespace {

// A crash leaves at most one of these a name; the next write of the same name takes its place.
constexpr std::string_view temporary = ".genesis-";
constexpr Owner unfinished{0, 0, 0700};  // a directory that has not got its owner yet
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr int view_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
constexpr int file_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;  // neither a FIFO nor a lease can hold us

std::string reason(int error) {
    if (error == ELOOP) return "a symbolic link is in the way";
    if (error == EXDEV) return "a mount point is in the way";
    if (error == ENOTDIR) return "something that is no directory is in the way";
    if (error == EAGAIN) return "somebody is changing the tree at this moment";
    return std::strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe
}

std::string join(std::string const& dir, std::string_view name) {
    return (dir == "/" ? dir : dir + "/") + std::string(name);
}

[[noreturn]] void fail(std::string const& dir, std::string_view name, int error) {
    throw Fault(join(dir, name) + ": " + reason(error));
}

void require_plain(std::string const& dir, std::string_view name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos)
        throw Fault(join(dir, name) + ": not a plain name");
}

FileStat seen_of(struct stat const& s) {
    FileStat seen;
    seen.kind = S_ISREG(s.st_mode)   ? FileStat::regular
                : S_ISDIR(s.st_mode) ? FileStat::directory
                : S_ISLNK(s.st_mode) ? FileStat::symlink
                                     : FileStat::other;
    seen.owner = {s.st_uid, s.st_gid, s.st_mode & 07777};
    seen.inode = s.st_ino;
    seen.links = s.st_nlink;
    seen.size = static_cast<std::uint64_t>(s.st_size);
    seen.mtime_ns = s.st_mtim.tv_sec * 1000000000LL + s.st_mtim.tv_nsec;
    return seen;
}

FileStat look_at(Fd const& fd, std::string const& path) {
    struct stat s {};
    if (::fstat(fd.get(), &s) != 0) throw Fault(path + ": " + reason(errno));
    return seen_of(s);
}

bool same(Owner const& a, Owner const& b) { return a.uid == b.uid && a.gid == b.gid && a.mode == b.mode; }

// chown before chmod: chown clears setuid and setgid, and a mode for the old owner must not serve the new one.
void set(Fd const& fd, Owner const& wanted, std::string const& path) {
    if (::fchown(fd.get(), wanted.uid, wanted.gid) != 0 || ::fchmod(fd.get(), wanted.mode & 0777) != 0)
        throw Fault(path + ": " + reason(errno));
}

bool correct(Fd const& fd, Owner const& now, Owner const& wanted, std::string const& path) {
    if (same(now, {wanted.uid, wanted.gid, wanted.mode & 0777})) return false;
    set(fd, wanted, path);
    return true;
}

void require_regular(FileStat const& seen, std::string const& path, std::size_t most) {
    if (auto const why = no_plain_file(seen, most)) throw Fault(path + ": " + *why);
}

std::string read_all(Fd const& fd, std::size_t size, std::size_t most, std::string const& path) {
    if (size > most) throw Fault(path + ": larger than " + std::to_string(most) + " bytes");
    std::string bytes(size + 1, '\0');  // one more, to meet the end of the file in the same call
    std::size_t have = 0;
    for (;;) {
        auto const n = ::pread(fd.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw Fault(path + ": " + reason(errno));
        have += static_cast<std::size_t>(n);
        bool const whole = size > 0 && have >= size && have < bytes.size();  // files of /proc have no size
        if (n == 0 || whole) break;
        if (have > most) throw Fault(path + ": larger than " + std::to_string(most) + " bytes");
        if (have == bytes.size()) bytes.resize(bytes.size() * 2);
    }
    bytes.resize(have);
    return bytes;
}

void write_all(Fd const& fd, std::string_view bytes, std::string const& path) {
    while (!bytes.empty()) {
        auto const n = ::write(fd.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw Fault(path + ": " + reason(errno));
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

// From "/" mounts may be crossed: the path is the operator's, not a tenant's.
Fd open_from_root(std::string_view absolute, int& error) {
    if (absolute.empty() || absolute.front() != '/') throw Fault(std::string(absolute) + ": not an absolute path");
    Fd const root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    while (!absolute.empty() && absolute.front() == '/') absolute.remove_prefix(1);
    std::string const path = absolute.empty() ? "." : std::string(absolute);
    open_how how{};
    how.flags = directory_flags | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    do fd = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
    while (fd < 0 && errno == EINTR);
    error = fd < 0 ? errno : 0;
    return Fd(static_cast<int>(fd));
}

}  // namespace

bool FileStat::operator==(FileStat const& o) const {
    return kind == o.kind && same(owner, o.owner) && inode == o.inode && links == o.links && size == o.size &&
           mtime_ns == o.mtime_ns;
}

std::optional<std::string> no_plain_file(FileStat const& seen, std::size_t most) {
    if (seen.kind == FileStat::symlink) return reason(ELOOP);
    if (seen.kind != FileStat::regular) return "not a regular file";
    if (seen.links != 1) return "has more than one hard link";
    if (seen.size > most) return "larger than " + std::to_string(most) + " bytes";
    return std::nullopt;
}

Dir Dir::open(std::string_view absolute) {
    if (auto dir = try_open(absolute)) return std::move(*dir);
    throw Fault(std::string(absolute) + ": " + reason(ENOENT));
}

std::optional<Dir> Dir::try_open(std::string_view absolute) {
    int error = 0;
    Fd fd = open_from_root(absolute, error);
    if (fd) return Dir(std::move(fd), std::string(absolute));
    if (error == ENOENT) return std::nullopt;
    throw Fault(std::string(absolute) + ": " + reason(error));
}

Dir Dir::make_all(std::string_view absolute, Owner const& last) {
    if (auto found = try_open(absolute)) {
        correct(found->fd_, found->look_self().owner, last, found->path_);
        return std::move(*found);
    }
    auto const [parent, name] = split(absolute);
    auto above = try_open(parent);
    if (!above) above = make_all(parent, {0, 0, 0755});
    if (above->look_self().owner.uid != 0) throw Fault(parent + ": does not belong to root");
    above->make(name, last);
    return open(absolute);
}

Dir Dir::beneath(std::string_view path) const {
    if (auto dir = try_beneath(path)) return std::move(*dir);
    fail(path_, path, ENOENT);
}

std::optional<Dir> Dir::try_beneath(std::string_view path) const { return try_opened(path, directory_flags); }

std::optional<Dir> Dir::try_view(std::string_view path) const { return try_opened(path, view_flags); }

std::optional<Dir> Dir::try_opened(std::string_view path, int flags) const {
    int error = 0;
    Fd fd = open_beneath(fd_.get(), path, flags, 0, error);
    if (fd) return Dir(std::move(fd), join(path_, path));
    if (error == ENOENT) return std::nullopt;
    fail(path_, path, error);
}

std::optional<FileStat> Dir::look(std::string_view path) const {
    if (path.find('/') == std::string_view::npos && path != "..") {  // one call, and the last name is never followed
        struct stat s {};
        if (::fstatat(fd_.get(), std::string(path).c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0) return seen_of(s);
        if (errno == ENOENT) return std::nullopt;
        fail(path_, path, errno);
    }
    int error = 0;
    Fd const fd = open_beneath(fd_.get(), path, O_PATH | O_NOFOLLOW, 0, error);
    if (!fd && error == ENOENT) return std::nullopt;
    if (!fd) fail(path_, path, error);
    return look_at(fd, join(path_, path));
}

FileStat Dir::look_self() const { return look_at(fd_, path_); }

std::optional<FileRead> Dir::read(std::string_view path, std::size_t most) const {
    int error = 0;
    Fd const fd = open_beneath(fd_.get(), path, file_flags, 0, error);
    if (!fd && error == ENOENT) return std::nullopt;
    if (!fd) fail(path_, path, error);
    auto const full = join(path_, path);
    auto const seen = look_at(fd, full);
    require_regular(seen, full, most);
    return FileRead{seen, read_all(fd, seen.size, most, full)};
}

std::vector<std::string> Dir::list(std::size_t most) const {
    std::vector<std::string> names;
    each([&](std::string const& name) {
        if (names.size() == most) throw Fault(path_ + ": more than " + std::to_string(most) + " entries");
        names.push_back(name);
    });
    return names;
}

void Dir::each(std::function<void(std::string const& name)> const& see) const {
    Fd fd(::openat(fd_.get(), ".", directory_flags | O_CLOEXEC));
    if (!fd) throw Fault(path_ + ": " + reason(errno));
    std::unique_ptr<DIR, int (*)(DIR*)> const stream(::fdopendir(fd.get()), ::closedir);
    if (!stream) throw Fault(path_ + ": " + reason(errno));
    fd.release();
    for (;;) {
        errno = 0;
        auto const* entry = ::readdir(stream.get());
        if (!entry && errno != 0) throw Fault(path_ + ": " + reason(errno));
        if (!entry) return;
        std::string_view const name(entry->d_name);
        if (name != "." && name != ".." && !name.starts_with(temporary)) see(std::string(name));
    }
}

namespace {

// True when the regular file at `name` already is exactly so.
bool already(int dir, std::string_view name, std::string_view bytes, Owner const& owner, std::string const& path) {
    int error = 0;
    Fd const fd = open_beneath(dir, name, file_flags, 0, error);
    if (!fd) return false;
    auto const seen = look_at(fd, path);
    if (seen.kind == FileStat::directory) throw Fault(path + ": a directory is in the way");
    if (seen.kind != FileStat::regular || seen.links != 1 || seen.size != bytes.size()) return false;
    return same(seen.owner, owner) && read_all(fd, seen.size, bytes.size() + 4096, path) == bytes;
}

Fd make_temporary(int dir, std::string const& name, std::string const& path) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        int error = 0;
        Fd fd = open_beneath(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, error);
        if (fd) return fd;
        if (error != EEXIST) throw Fault(path + ": " + reason(error));
        if (::unlinkat(dir, name.c_str(), 0) != 0 && errno != ENOENT) throw Fault(path + ": " + reason(errno));
    }
    throw Fault(path + ": " + reason(EAGAIN));
}

// The directory's owner may have exchanged the temporary name: then what stands at `name` is not our file.
void require_ours(int dir, std::string const& name, Fd const& fd, std::string const& path) {
    struct stat there {
    }, ours{};
    if (::fstatat(dir, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 || ::fstat(fd.get(), &ours) != 0 ||
        there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
        throw Fault(path + ": " + reason(EAGAIN));
}

}  // namespace

bool Dir::write(std::string_view name, std::string_view bytes, Owner const& owner, bool durable) const {
    require_plain(path_, name);
    auto const full = join(path_, name);
    Owner const plain{owner.uid, owner.gid, owner.mode & 0777};
    if (already(fd_.get(), name, bytes, plain, full)) return false;
    std::string const last(name), temp = std::string(temporary) + last;
    Fd const fd = make_temporary(fd_.get(), temp, full);
    try {
        write_all(fd, bytes, full);
        set(fd, plain, full);
        if (durable && ::fsync(fd.get()) != 0) throw Fault(full + ": " + reason(errno));
        if (::renameat(fd_.get(), temp.c_str(), fd_.get(), last.c_str()) != 0)
            throw Fault(full + ": " + (errno == EISDIR ? "a directory is in the way" : reason(errno)));
    } catch (Fault const&) {
        ::unlinkat(fd_.get(), temp.c_str(), 0);
        throw;
    }
    require_ours(fd_.get(), last, fd, full);
    if (durable && ::fsync(fd_.get()) != 0) throw Fault(path_ + ": " + reason(errno));
    return true;
}

std::optional<Dir> Dir::make_new(std::string_view name, Owner const& owner,
                                 std::function<void(Dir const&)> const& fill) const {
    require_plain(path_, name);
    bool const there = ::mkdirat(fd_.get(), std::string(name).c_str(), 0700) != 0;
    if (there && errno != EEXIST) fail(path_, name, errno);
    if (there) {
        auto const seen = look(name);
        if (!fill || !seen || seen->kind != FileStat::directory || !same(seen->owner, unfinished)) return std::nullopt;
    }
    auto made = beneath(name);
    if (there && !made.list().empty()) return std::nullopt;
    if (fill) fill(made);
    set(made.fd_, owner, made.path_);
    return made;
}

bool Dir::make(std::string_view name, Owner const& owner) const {
    if (make_new(name, owner)) return true;
    auto const there = beneath(name);
    return correct(there.fd_, there.look_self().owner, owner, there.path_);
}

void Dir::make_link(std::string_view name, std::string_view target) const {
    require_plain(path_, name);
    std::string const last(name), temp = std::string(temporary) + last, to(target);
    if (::unlinkat(fd_.get(), temp.c_str(), 0) != 0 && errno != ENOENT) fail(path_, temp, errno);
    if (::symlinkat(to.c_str(), fd_.get(), temp.c_str()) != 0) fail(path_, temp, errno);
    if (::renameat(fd_.get(), temp.c_str(), fd_.get(), last.c_str()) == 0) return;
    auto const why = errno;
    ::unlinkat(fd_.get(), temp.c_str(), 0);
    fail(path_, name, why);
}

bool Dir::remove(std::string_view name) const {
    require_plain(path_, name);
    if (::unlinkat(fd_.get(), std::string(name).c_str(), 0) == 0) return true;
    if (errno == ENOENT) return false;
    fail(path_, name, errno);
}

bool Dir::move(std::string_view name, Dir const& to, std::string_view as) const {
    require_plain(path_, name);
    require_plain(to.path_, as);
    std::string const from(name), free_name(as);
    if (::renameat2(fd_.get(), from.c_str(), to.fd_.get(), free_name.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno == ENOENT) return false;
    fail(path_, name, errno == EBUSY ? EXDEV : errno);
}

// The whole file system at once: a batch written with durable = false costs one flush.
void Dir::sync() const {
    if (::syncfs(fd_.get()) != 0) throw Fault(path_ + ": " + reason(errno));
}

void Dir::set_modified(std::string_view name, std::int64_t seconds) const {
    if (name != ".") require_plain(path_, name);
    std::array<struct timespec, 2> times{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = seconds;
    if (::utimensat(fd_.get(), std::string(name).c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
        fail(path_, name, errno);
}

}  // namespace genesis::host
