// A tenant who exchanges a directory and a symbolic link as fast as it can, against every write that root makes.
#include "drivers/host/test_root.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

using namespace genesis;
using namespace genesis::host;

namespace {

Owner mine(mode_t mode) { return {::geteuid(), ::getegid(), mode}; }

// home/a is a directory and home/b a link to outside, or the other way round, some 100,000 times a second.
class Racer {
public:
    explicit Racer(TestRoot const& t) : home_(t.dir.beneath("home")) {
        home_.make("a", mine(0755));
        t.link("../outside", "home/b");
        thread_ = std::jthread([this](std::stop_token const& stop) {
            while (!stop.stop_requested())
                if (::syscall(SYS_renameat2, home_.fd(), "a", home_.fd(), "b", 2U /* RENAME_EXCHANGE */) == 0) ++swaps;
        });
    }
    [[nodiscard]] Dir const& home() const { return home_; }
    std::atomic<std::uint64_t> swaps{0};

private:
    Dir home_;
    std::jthread thread_;
};

struct Arena : TestRoot {
    Arena() {
        dir.make("home", mine(0755));
        dir.make("outside", mine(0700));
    }
    [[nodiscard]] bool escaped() const {
        auto const outside = dir.beneath("outside");
        return !outside.list().empty() || outside.look_self().owner.mode != 0700;
    }
};

// One attempt: done, or refused because somebody plays with the tree.
template <class Work>
bool attempt(Work&& work) {
    try {
        work();
        return true;
    } catch (Fault const&) {
        return false;
    }
}

}  // namespace

TEST_CASE("a plain open follows the racer out of the tree, which shows that the racer works") {
    Arena const t;
    Racer const racer(t);
    for (int i = 0; i < 200000 && !t.escaped(); ++i)
        ::close(::open(t.at("home/a/file").c_str(), O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
    CHECK(t.escaped());
}

TEST_CASE("20,000 writes, makes and removals against the racer never leave the tree") {
    Arena const t;
    int done = 0, refused = 0;
    {
        Racer const racer(t);
        auto const& home = racer.home();
        for (int i = 0; i < 5000; ++i) {
            bool const results[] = {
                attempt([&] { home.beneath("a").write("file", std::to_string(i), mine(0666), false); }),
                attempt([&] { home.beneath("a").make("d", mine(0777)); }),
                attempt([&] { home.make("a", mine(i % 2 == 0 ? 0755 : 0777)); }),
                attempt([&] { home.beneath("b").remove_tree("d", t.context); }),
            };
            for (bool const result : results) ++(result ? done : refused);
        }
        CHECK(racer.swaps > 0);
    }
    CHECK_FALSE(t.escaped());
    CHECK(done > 0);
    CHECK(refused > 0);
    INFO(done << " done, " << refused << " refused");
}

TEST_CASE("a tree that a racer changes is removed without a step outside") {
    Arena t;
    t.dir.beneath("outside").write("canary", "x", mine(0600));
    for (int round = 0; round < 50; ++round) {
        {
            Racer const racer(t);
            attempt([&] { racer.home().beneath("a").make("deep", mine(0755)); });
            attempt([&] { t.dir.remove_tree("home", t.context); });
            t.dir.make("home", mine(0755));
            attempt([&] { t.dir.remove_tree("home", t.context); });
        }
        t.dir.remove_tree("home", t.context);  // nobody races any more: what an attempt had to leave goes now
        t.dir.make("home", mine(0755));
    }
    CHECK(t.dir.beneath("outside").read("canary")->bytes == "x");
}
