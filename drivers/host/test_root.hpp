// For tests of what works on files: a directory of the test's own, a context, and a look at the real world.
#pragma once
#include "drivers/host/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

namespace genesis::host {

struct TestRoot {
    struct : Clock {
        [[nodiscard]] Time now() const override { return Time(std::chrono::hours(24 * 20000)); }
        [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
    } clock;
    struct : Log {
        void write(Level /*level*/, std::string_view /*message*/, Fields /*fields*/) override {}
    } log;
    Context context{{}, std::chrono::steady_clock::now() + std::chrono::seconds(60), clock, log};
    std::string path = [] {
        std::string name = "/tmp/genesis-test-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw Fault("mkdtemp");
        return name;
    }();
    Dir dir = Dir::open(path);

    TestRoot() = default;
    TestRoot(TestRoot const&) = delete;
    TestRoot& operator=(TestRoot const&) = delete;
    ~TestRoot() {
        auto const [parent, name] = split(path);
        Dir::open(parent).remove_tree(name, context);
    }
    [[nodiscard]] std::string at(std::string const& name) const { return path + "/" + name; }
    void link(std::string const& target, std::string const& name) const {
        if (::symlink(target.c_str(), at(name).c_str()) != 0) throw Fault("symlink");
    }
};

// Owner and mode as text, without following: "0644 0:0"; "absent" when there is nothing.
inline std::string owner_at(std::string const& path) {
    struct stat s {};
    if (::lstat(path.c_str(), &s) != 0) return "absent";
    return describe({s.st_uid, s.st_gid, s.st_mode & 07777});
}

// A file that exists and cannot be opened while this lives, as with a disk that fails: the holder of a lease
// (fcntl(2)) is asked to give it up first.
class Unreadable {
public:
    explicit Unreadable(std::string const& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
        (void)std::signal(SIGIO, SIG_IGN);
        if (::fcntl(fd_, F_SETLEASE, F_WRLCK) != 0) throw Fault("no lease of " + path);
    }
    Unreadable(Unreadable const&) = delete;
    Unreadable& operator=(Unreadable const&) = delete;
    ~Unreadable() { ::close(fd_); }

private:
    int fd_;
};

// Numbers no account of this machine has; only root may give files to them.
inline constexpr uid_t tenant = 59990;
// False, and says so, where the test cannot be run.
inline bool can_run_as_root() {
    if (::geteuid() != 0) WARN("skipped: needs root");
    return ::geteuid() == 0;
}

}  // namespace genesis::host
