// What becomes of trees that are removed, in a rooted folder: gone at once, also those that somebody still fills, and
// deleted in the end.
#include "drivers/unix/driver.hpp"

#include "drivers/host/processes.hpp"
#include "drivers/unix/test_bench.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

using namespace genesis;
using host::can_run_as_root;
using host::owner_at;
using namespace std::chrono_literals;

namespace {

struct Home : UnixBench {
    Home() {
        for (auto const* name : {"home/acme", "home/acme/sites", "home/acme/sites/x"}) pass(directory(name));
    }
    // What was moved away and is not deleted yet.
    [[nodiscard]] std::vector<std::string> left() const {
        auto const removed = host::Dir::try_open(at("home/.genesis-removed"));
        return removed ? removed->list() : std::vector<std::string>();
    }
    [[nodiscard]] bool is_deleted_within(std::chrono::seconds time) const {
        auto const until = std::chrono::steady_clock::now() + time;
        while (!left().empty() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(10ms);
        return left().empty();
    }
};

// A tenant's process that stands in a directory and makes directories in each other there, as fast as it can.
class Writer {
public:
    explicit Writer(std::string const& path) : pid_(::fork()) {
        if (pid_ != 0) return;
        ::alarm(120);
        if (::chdir(path.c_str()) != 0 || ::setresuid(acme_uid, acme_uid, acme_uid) != 0) ::_exit(1);
        for (unsigned i = 0;; ++i) {
            char const name[] = {static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26 % 26), '\0'};
            char const deeper[] = {name[0], name[1], '/', 'x', '\0'};
            ::mkdir(name, 0755);
            ::mkdir(deeper, 0755);
        }
    }
    Writer(Writer const&) = delete;
    Writer& operator=(Writer const&) = delete;
    ~Writer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_;
};

void make_files(host::Dir const& dir, int count) {
    for (int i = 0; i < count; ++i)
        ::close(::openat(dir.fd(), std::to_string(i).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

std::chrono::steady_clock::duration time_of(std::function<void()> const& work) {
    auto const began = std::chrono::steady_clock::now();
    work();
    return std::chrono::steady_clock::now() - began;
}

}  // namespace

TEST_CASE("a tree that its tenant goes on filling is gone at once and deleted in the end") {
    if (!can_run_as_root()) return;
    Home b;
    {
        std::array<Writer, 3> const writers{Writer(b.at("home/acme/sites/x")), Writer(b.at("home/acme/sites/x")),
                                            Writer(b.at("home/acme/sites/x"))};
        auto const site = b.directory("home/acme/sites/x");
        for (auto const until = std::chrono::steady_clock::now() + 20s;
             b.dir.beneath("home/acme/sites/x").list().size() < 500;)
            REQUIRE(std::chrono::steady_clock::now() < until);
        CHECK(time_of([&] { CHECK(b.drop(site).how == Outcome::done); }) < 1s);
        CHECK_FALSE(b.see<Directory>(b.at("home/acme/sites/x")));
        CHECK(owner_at(b.at("home/.genesis-removed")) == "0700 0:0");
    }
    CHECK(b.is_deleted_within(60s));
    CHECK(owner_at(b.at("home/acme/sites")) == "0755 59991:59991");
    CHECK(b.untouched());
}

TEST_CASE("a home of many files takes no longer to remove than an empty one, and its name is free at once") {
    if (!can_run_as_root()) return;
    Home b;
    make_files(b.dir.beneath("home/acme/sites/x"), 20000);
    std::vector<Step<Directory>> steps;
    for (auto const* name : {"home/acme/sites/x", "home/acme/sites", "home/acme"})
        steps.push_back({Verb::remove, {}, b.directory(name), {}});
    CHECK(time_of([&] {
              for (auto const& outcome : b.driver.apply(std::span<Step<Directory> const>(steps), b.context))
                  CHECK(outcome.how == Outcome::done);
          }) < 200ms);
    CHECK(owner_at(b.at("home/acme")) == "absent");
    CHECK(b.pass(b.directory("home/acme")).how == Outcome::done);
    CHECK(b.is_deleted_within(60s));
    CHECK(b.quiet(b.directory("home/acme")));
}

TEST_CASE("what the daemon's end left of a removed tree is deleted once the next one looks") {
    if (!can_run_as_root()) return;
    Home b;
    auto const removed = [&] {
        b.dir.beneath("home").make(".genesis-removed", {0, 0, 0700});
        return b.dir.beneath("home/.genesis-removed");
    }();
    removed.make("acme.1", {acme_uid, acme_uid, 0755});
    make_files(removed.beneath("acme.1"), 100);
    CHECK_FALSE(b.left().empty());
    b.driver.observe(Of<UnixUser>{}, {}, b.context);
    CHECK(b.is_deleted_within(20s));
}

TEST_CASE("nobody gets the number of a removed user while files of that number are still looked for") {
    if (!can_run_as_root()) return;
    Home b;
    b.accounts("", "genesis-nossh:x:988:\ngenesis-sftp:x:989:\ngenesis-shell:x:990:\n", "");
    auto const homes = b.dir.beneath("home");
    homes.make(".genesis-removed", {0, 0, 0700});
    homes.beneath(".genesis-removed").write(".uids-1", "59990\n59991\n", {0, 0, 0600});
    UnixUser acme;
    acme.name = AccountName("acme");
    acme.uid = acme_uid;
    acme.home = AbsolutePath(b.at("home/acme"));
    acme.login = Login::sftp;
    acme.shell = "/bin/sh";
    Step<UnixUser> const step{Verb::create, acme, {}, {}};
    auto const outcome = b.driver.apply(std::span<Step<UnixUser> const>(&step, 1), b.context).front();
    CHECK(outcome.how == Outcome::in_progress);
    CHECK_THAT(outcome.why, Catch::Contains("files of the former user 59991 are still being removed"));
    CHECK(b.left() == std::vector<std::string>{".uids-1"});
    b.driver.observe(Of<UnixUser>{}, {}, b.context);  // begins the sweep
    CHECK(b.is_deleted_within(20s));
    CHECK(b.driver.observe(Of<UnixUser>{}, {}, b.context).in_progress.empty());
}

TEST_CASE("a path deeper than any limit is deleted, also where a former attempt was cut short") {
    if (!can_run_as_root()) return;
    Home b;
    auto const site = b.dir.beneath("home/acme/sites/x");
    for (auto const* name : {".genesis-removed-1", ".genesis-removed-2"}) {  // as it moves up what lies too deep
        site.make(name, {acme_uid, acme_uid, 0755});
        make_files(site.beneath(name), 3);
    }
    int at = ::dup(site.fd());
    for (int depth = 0; depth < 1000; ++depth) {
        REQUIRE(::mkdirat(at, "d", 0755) == 0);
        int const below = ::openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ::close(std::exchange(at, below));
    }
    ::close(at);
    CHECK(b.drop(b.directory("home/acme/sites/x")).how == Outcome::done);
    CHECK(b.is_deleted_within(20s));
}

TEST_CASE("a tree with a mount in it stays as it is, with the reason") {
    if (!can_run_as_root()) return;
    Home b;
    b.dir.beneath("home/acme/sites/x").make("disk", {0, 0, 0755});
    auto const at = b.at("home/acme/sites/x/disk");
    if (::mount("none", at.c_str(), "tmpfs", 0, "size=64k") != 0) {
        WARN("skipped: nothing can be mounted here");
        return;
    }
    for (auto const* name : {"home/acme/sites/x/disk", "home/acme/sites/x", "home/acme"}) {
        auto const outcome = b.drop(b.directory(name));
        CHECK(outcome.how == Outcome::retry);
        CHECK_THAT(outcome.why, Catch::Contains("disk is a mount point"));
    }
    CHECK(owner_at(b.at("home/acme/sites/x")) == "0755 59991:59991");
    REQUIRE(::umount(at.c_str()) == 0);
    CHECK(b.drop(b.directory("home/acme")).how == Outcome::done);
    CHECK(b.is_deleted_within(20s));
}

TEST_CASE("what a removed user left in directories of everybody is swept away, and nobody else's") {
    if (!can_run_as_root()) return;
    Home b;
    auto const swept = b.dir.beneath("swept");
    swept.write("file", "x", {acme_uid, acme_uid, 0600});
    swept.make("tree", {acme_uid, acme_uid, 0755});
    make_files(swept.beneath("tree"), 10);
    swept.make("other", {1000, 1000, 0777});
    swept.beneath("other").write("file", "x", {acme_uid, acme_uid, 0600});
    swept.beneath("other").write("own", "x", {1000, 1000, 0600});
    b.link(b.at("outside"), "swept/link");
    REQUIRE(::lchown(b.at("swept/link").c_str(), acme_uid, acme_uid) == 0);
    {
        Leftovers leftovers({b.at("home")}, {b.at("missing"), b.at("swept")});
        leftovers.sweep({acme_uid}, b.context);
        CHECK(b.is_deleted_within(20s));
    }
    CHECK(swept.list() == std::vector<std::string>{"other"});
    CHECK(swept.beneath("other").list() == std::vector<std::string>{"own"});
    CHECK(b.untouched());
}

TEST_CASE("what cannot be swept away keeps its order, with the reason, and is swept once it can; others' are done") {
    if (!can_run_as_root()) return;
    Home b;
    auto const swept = b.dir.beneath("swept");
    swept.make("tree", {acme_uid, acme_uid, 0777});
    swept.beneath("tree").make("disk", {0, 0, 0755});
    swept.write("file", "x", {acme_uid + 1, acme_uid + 1, 0600});
    auto const at = b.at("swept/tree/disk");
    if (::mount("none", at.c_str(), "tmpfs", 0, "size=64k") != 0) {
        WARN("skipped: nothing can be mounted here");
        return;
    }
    Leftovers leftovers({b.at("home")}, {b.at("swept")});
    leftovers.sweep({acme_uid}, b.context);
    leftovers.sweep({acme_uid + 1}, b.context);
    auto const until = std::chrono::steady_clock::now() + 20s;
    while (leftovers.swept_for() != std::set<uid_t>{acme_uid} && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(10ms);
    CHECK(leftovers.swept_for() == std::set<uid_t>{acme_uid});
    CHECK(swept.list() == std::vector<std::string>{"tree"});
    CHECK(owner_at(b.at("swept/tree")) == "0700 59991:59991");
    REQUIRE(::umount(at.c_str()) == 0);
    CHECK(b.is_deleted_within(20s));
    CHECK(swept.list().empty());
}

TEST_CASE("a home goes though a process of its user outlives the killing, and the reason names it") {
    if (!can_run_as_root()) return;
    Home b;
    auto const accomplice = ::fork();  // as one in a setuid copy that somebody else runs: not to be killed by the user
    if (accomplice == 0) {
        ::alarm(60);
        if (::setresuid(acme_uid + 1, acme_uid, acme_uid + 1) != 0) ::_exit(1);
        for (;;) ::pause();
    }
    auto const outcome = b.drop(b.directory("home/acme"));
    std::map<uid_t, std::string> left;
    for (int i = 0; i < 1000 && left.empty(); ++i) left = host::end_processes({acme_uid}, b.context.within(10ms));
    ::kill(accomplice, SIGKILL);
    CHECK(::waitpid(accomplice, nullptr, 0) == accomplice);
    CHECK(outcome.how == Outcome::done);
    REQUIRE(left.contains(acme_uid));
    CHECK_THAT(left.at(acme_uid),
               Catch::Contains(std::to_string(accomplice) + " (") && Catch::Contains("), which user 59992 runs"));
    CHECK(host::end_processes({acme_uid}, b.context).empty());
    CHECK(b.is_deleted_within(20s));
}

TEST_CASE("directories that the time of a batch does not reach are not begun, and nothing is said to have failed") {
    if (!can_run_as_root()) return;
    Home b;
    Context over = b.context;
    over.deadline = std::chrono::steady_clock::now() - 1s;
    std::vector<Step<Directory>> const steps{{Verb::create, b.directory("home/acme/y"), {}, {}},
                                             {Verb::remove, {}, b.directory("home/acme/sites"), {}}};
    for (auto const& outcome : b.driver.apply(std::span<Step<Directory> const>(steps), over))
        CHECK(outcome.how == Outcome::in_progress);
    CHECK(owner_at(b.at("home/acme/y")) == "absent");
    CHECK(owner_at(b.at("home/acme/sites")) == "0755 59991:59991");
}

TEST_CASE("users whose removal fails hold up nobody else's suspension") {
    if (!can_run_as_root()) return;
    Home b;  // its user database is no real one: nobody can be removed from it
    UnixUser acme;
    acme.name = AccountName("acme");
    acme.uid = acme_uid;
    acme.home = AbsolutePath(b.at("home/acme"));
    acme.login = Login::sftp;
    acme.shell = "/bin/sh";
    auto gone = acme;
    gone.name = AccountName("gone");
    gone.uid = acme_uid + 1;
    b.dir.beneath("etc").write("group",
                               "root:x:0:\nacme:x:59991:\ngenesis-sftp:x:990:acme\ngenesis-nossh:x:991:\n"
                               "genesis-shell:x:992:\n",
                               {0, 0, 0644});
    std::vector<Step<UnixUser>> const steps{{Verb::remove, {}, gone, {}}, {Verb::update, acme, acme, {}}};
    auto const outcomes = b.driver.apply(std::span<Step<UnixUser> const>(steps), b.context);
    CHECK(outcomes[0].how == Outcome::retry);
    CHECK(outcomes[1].how == Outcome::done);
}
