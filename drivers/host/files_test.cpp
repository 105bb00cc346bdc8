// What a Dir promises, on real files, against everything a tenant may put in the way.
#include "drivers/host/files.hpp"

#include "drivers/host/test_root.hpp"

#include <fcntl.h>
#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::host;

namespace {

Owner mine(mode_t mode) { return {::geteuid(), ::getegid(), mode}; }

// A directory of the tenant's with a canary beside it that must never change.
struct Tree : TestRoot {
    Tree() {
        dir.make("home", mine(0755));
        dir.make("outside", mine(0700));
        dir.beneath("outside").write("canary", "untouched", mine(0600));
        before = dir.look("outside/canary");
    }
    [[nodiscard]] Dir home() const { return dir.beneath("home"); }
    [[nodiscard]] bool untouched() const {
        auto const outside = dir.beneath("outside");
        return dir.look("outside/canary") == before && outside.read("canary")->bytes == "untouched" &&
               outside.list().size() == 1 && outside.look_self().owner.mode == 0700;
    }
    std::optional<FileStat> before;
};

}  // namespace

TEST_CASE("a file is written once and left alone while it is as it should be") {
    Tree const t;
    auto const home = t.home();
    CHECK(home.write("a", "one", mine(0640)));
    auto const first = *home.look("a");
    CHECK_FALSE(home.write("a", "one", mine(0640)));
    CHECK(*home.look("a") == first);
    CHECK(compare(home, "a", "one", mine(0640)) == "intact");
    CHECK(compare(home, "a", "two", mine(0640)) == "line 1 is \"one\", wanted \"two\"");
    CHECK(home.write("a", "two", mine(0640)));
    CHECK(home.read("a")->bytes == "two");
    CHECK(home.list() == std::vector<std::string>{"a"});
}

TEST_CASE("setuid, setgid and sticky bits are never set, whatever mode is asked for") {
    Tree const t;
    auto const home = t.home();
    home.write("a", "x", mine(07755));
    home.make("d", mine(07755));
    CHECK(home.look("a")->owner.mode == 0755);
    CHECK(home.look("d")->owner.mode == 0755);
    ::chmod(t.at("home/a").c_str(), 04755);
    CHECK(home.write("a", "x", mine(0755)));
    CHECK(home.look("a")->owner.mode == 0755);
}

TEST_CASE("a temporary file that a crash left is taken over by the next write and shown to nobody") {
    Tree const t;
    auto const home = t.home();
    ::close(::open(t.at("home/.genesis-a").c_str(), O_CREAT | O_WRONLY, 0600));
    CHECK(home.list().empty());
    CHECK(home.write("a", "x", mine(0644)));
    CHECK(owner_at(t.at("home/.genesis-a")) == "absent");
}

TEST_CASE("a symbolic link where a file should be is replaced, never followed") {
    Tree const t;
    auto const home = t.home();
    t.link(t.at("outside/canary"), "home/a");
    CHECK(compare(home, "a", "x", mine(0644)) == "a symbolic link");
    CHECK_THROWS_AS(home.read("a"), Fault);
    CHECK(home.write("a", "x", mine(0644)));
    CHECK(home.look("a")->kind == FileStat::regular);
    CHECK(t.untouched());
}

TEST_CASE("a symbolic link on the way is refused by every operation") {
    Tree const t;
    auto const home = t.home();
    t.link(t.at("outside"), "home/d");
    CHECK_THROWS_AS(home.beneath("d"), Fault);
    CHECK_THROWS_AS(home.read("d/canary"), Fault);
    CHECK_THROWS_AS(home.look("d/canary"), Fault);
    CHECK_THROWS_AS(home.make("d", mine(0777)), Fault);
    CHECK_THROWS_AS(home.beneath("../outside"), Fault);
    CHECK_THROWS_AS(home.write("../outside/canary", "x", mine(0644)), Fault);
    CHECK_THROWS_AS(Dir::open(t.at("home/d")), Fault);
    CHECK(home.look("d")->kind == FileStat::symlink);
    CHECK(t.untouched());
}

TEST_CASE("a hard link to a file of another owner is neither read nor owned, and replaced without touching the file") {
    Tree const t;
    auto const home = t.home();
    REQUIRE(::link(t.at("outside/canary").c_str(), t.at("home/a").c_str()) == 0);
    CHECK_THROWS_AS(home.read("a"), Fault);
    CHECK(compare(home, "a", "untouched", mine(0600)) == "has more than one hard link");
    CHECK(home.write("a", "x", mine(0644)));
    CHECK(t.dir.beneath("outside").read("canary")->bytes == "untouched");
    CHECK(t.dir.look("outside/canary")->owner.mode == 0600);
}

TEST_CASE("a FIFO where a file should be holds nobody up") {
    Tree const t;
    auto const home = t.home();
    REQUIRE(::mkfifo(t.at("home/a").c_str(), 0666) == 0);
    CHECK_THROWS_AS(home.read("a"), Fault);
    CHECK(compare(home, "a", "x", mine(0644)) == "not a regular file");
    CHECK(home.write("a", "x", mine(0644)));
    CHECK(home.read("a")->bytes == "x");
}

TEST_CASE("a file that is much too large is refused before it is read") {
    Tree const t;
    auto const home = t.home();
    home.write("a", "x", mine(0644));
    REQUIRE(::truncate(t.at("home/a").c_str(), off_t(1) << 40) == 0);
    CHECK_THROWS_AS(home.read("a"), Fault);
    CHECK(compare(home, "a", "x", mine(0644)) == "much too large");
    CHECK(home.write("a", "x", mine(0644)));
}

TEST_CASE("a directory where a file should be, and a file where a directory should be, are left as they are") {
    Tree const t;
    auto const home = t.home();
    home.make("d", mine(0755));
    home.write("f", "x", mine(0644));
    CHECK_THROWS_AS(home.write("d", "x", mine(0644)), Fault);
    CHECK_THROWS_AS(home.make("f", mine(0755)), Fault);
    CHECK_THROWS_AS(home.remove("d"), Fault);
    CHECK(home.look("d")->kind == FileStat::directory);
    CHECK(home.read("f")->bytes == "x");
}

TEST_CASE("owner and mode of a directory are corrected, and a correct one is not touched") {
    if (!can_run_as_root()) return;
    Tree const t;
    auto const home = t.home();
    CHECK(home.make("d", {tenant, tenant, 0750}));
    CHECK_FALSE(home.make("d", {tenant, tenant, 0750}));
    CHECK(home.make("d", {tenant, 0, 0711}));
    CHECK(owner_at(t.at("home/d")) == "0711 59990:0");
}

TEST_CASE("make_all makes parents for root and refuses to build beneath somebody else's directory") {
    if (!can_run_as_root()) return;
    Tree const t;
    Dir::make_all(t.at("a/b/c"), {tenant, tenant, 0700});
    CHECK(owner_at(t.at("a/b")) == "0755 0:0");
    CHECK(owner_at(t.at("a/b/c")) == "0700 59990:59990");
    CHECK_THROWS_AS(Dir::make_all(t.at("a/b/c/d"), {0, 0, 0755}), Fault);
}

TEST_CASE("a tree is removed with its links, FIFOs and modes, and nothing that the links name") {
    Tree const t;
    auto const home = t.home();
    home.make("t", mine(0755));
    auto const tree = home.beneath("t");
    for (auto const* name : {"a", "b", "c"}) {
        tree.make(name, mine(0755));
        tree.beneath(name).write("file", "x", mine(0644), false);
        t.link(t.at("outside"), "home/t/" + std::string(name) + "/link");
    }
    ::mkfifo(t.at("home/t/fifo").c_str(), 0666);
    tree.make("d", mine(0000));
    CHECK(home.remove_tree("t", t.context));
    CHECK_FALSE(home.remove_tree("t", t.context));
    t.link(t.at("outside"), "home/t");
    CHECK(home.remove_tree("t", t.context));
    CHECK(home.list().empty());
    CHECK(t.untouched());
}

TEST_CASE("a tree deeper than there are descriptors is removed") {
    Tree const t;
    auto const home = t.home();
    home.make("t", mine(0755));
    Dir at = home.beneath("t");
    for (int i = 0; i < 600; ++i) {
        at.write("f", "x", mine(0644), false);
        at.make("d", mine(0755));
        at = at.beneath("d");
    }
    CHECK(home.remove_tree("t", t.context));
    CHECK(home.list().empty());
}

TEST_CASE("the removal of a tree ends with the deadline and goes on the next time") {
    Tree const t;
    auto const home = t.home();
    home.make("t", mine(0755));
    auto const tree = home.beneath("t");
    for (int i = 0; i < 100; ++i) tree.write("f" + std::to_string(i), "", mine(0644), false);
    Context late{{}, std::chrono::steady_clock::now() - std::chrono::seconds(1), t.clock, t.context.log};
    CHECK_THROWS_AS(home.remove_tree("t", late), Expired);
    CHECK(home.remove_tree("t", t.context));
}

TEST_CASE("what differs in a file is said in one printable line") {
    Tree const t;
    auto const home = t.home();
    CHECK(compare(home, "a", "x\n", mine(0644)) == "missing");
    home.write("a", "x\ny\033[1m\n", mine(0644));
    CHECK(compare(home, "a", "x\nz\n", mine(0644)) == "line 2 is \"y?[1m\", wanted \"z\"");
    CHECK(compare(home, "a", "x\n", mine(0644)) == "line 2 is \"y?[1m\", wanted nothing");
    ::chmod(t.at("home/a").c_str(), 0666);
    CHECK(compare(home, "a", "x\n", mine(0644)).starts_with("mode 0666 "));
}
