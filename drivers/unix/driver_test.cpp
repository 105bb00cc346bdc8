// What the driver promises about directories and keys, in a rooted folder and against a hostile tenant.
#include "drivers/unix/driver.hpp"

#include "drivers/unix/test_bench.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

using namespace genesis;
using host::can_run_as_root;
using host::owner_at;

namespace {

SshKey key(std::string const& comment) {
    return SshKey::checked("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUfM1xAbk2PZ0CaRTkpuB5wDnzgQ7JgE9cY5uXyQv3H " +
                           comment);
}

// A home with sites and one site in it.
struct Home : UnixBench {
    Home() {
        for (auto const* name : {"home/acme", "home/acme/sites", "home/acme/sites/x"}) pass(directory(name));
    }
};

}  // namespace

TEST_CASE("a batch of directories in any order is made, parents first, and then there is nothing to do") {
    if (!can_run_as_root()) return;
    UnixBench b;
    std::vector<Step<Directory>> steps;
    for (auto const* name : {"home/acme/sites/x", "home/acme/sites", "home/acme", "log/acme"})
        steps.push_back({Verb::create, b.directory(name), {}, {}});
    for (auto const& outcome : b.driver.apply(std::span<Step<Directory> const>(steps), b.context))
        CHECK(outcome.how == Outcome::done);
    for (auto const& step : steps) CHECK(b.quiet(step.want));
    for (auto const& outcome : b.driver.apply(std::span<Step<Directory> const>(steps), b.context))
        CHECK(outcome.how == Outcome::done);
    CHECK(owner_at(b.at("home/acme/sites/x")) == "0755 59991:59991");
    CHECK(b.driver.observe(Of<Directory>{}, {}, b.context).found.empty());
}

TEST_CASE("owner and mode changed by hand are seen and put back, also a setgid bit") {
    if (!can_run_as_root()) return;
    Home b;
    auto const want = b.directory("home/acme/sites");
    REQUIRE(::chmod(b.at("home/acme/sites").c_str(), 02777) == 0);
    REQUIRE(::lchown(b.at("home/acme/sites").c_str(), 0, 33) == 0);
    CHECK_FALSE(b.quiet(want));
    CHECK(b.pass(want).how == Outcome::done);
    CHECK(b.quiet(want));
    CHECK(owner_at(b.at("home/acme/sites")) == "0755 59991:59991");
}

TEST_CASE("a symbolic link in a directory's place is drift that is reported and neither followed nor deleted") {
    if (!can_run_as_root()) return;
    Home b;
    b.dir.beneath("home/acme/sites").remove_tree("x", b.context);
    b.link(b.at("outside"), "home/acme/sites/x");
    auto const want = b.directory("home/acme/sites/x"), below = b.directory("home/acme/sites/x/public");
    CHECK(b.see<Directory>(b.at("home/acme/sites/x"))->file == "a symbolic link");
    CHECK(b.see<Directory>(b.at("home/acme/sites/x/public"))->file != intact);
    for (auto const& one : {want, below}) {
        auto const outcome = b.pass(one);
        CHECK(outcome.how == Outcome::retry);
        CHECK_THAT(outcome.why, Catch::Contains("in the way"));
    }
    CHECK(b.untouched());
}

TEST_CASE("one directory that cannot be made does not keep the others from being made") {
    if (!can_run_as_root()) return;
    Home b;
    b.dir.beneath("home/acme").write("file", "the tenant's", {acme_uid, acme_uid, 0644});
    std::vector<Step<Directory>> steps{{Verb::create, b.directory("home/acme/file"), {}, {}},
                                       {Verb::create, b.directory("home/acme/missing/x"), {}, {}},
                                       {Verb::create, b.directory("home/acme/y"), {}, {}}};
    auto const outcomes = b.driver.apply(std::span<Step<Directory> const>(steps), b.context);
    CHECK(outcomes[0].how == Outcome::retry);
    CHECK(outcomes[1].how == Outcome::retry);
    CHECK(outcomes[2].how == Outcome::done);
    CHECK(b.dir.beneath("home/acme").read("file")->bytes == "the tenant's");
}

TEST_CASE("a new site gets a first page as its tenant, once") {
    if (!can_run_as_root()) return;
    Home b;
    auto want = b.directory("home/acme/sites/x/public");
    want.placeholder_page = "acme.example";
    CHECK(b.pass(want).how == Outcome::done);
    auto const public_dir = b.dir.beneath("home/acme/sites/x/public");
    CHECK_THAT(public_dir.read("index.php")->bytes, Catch::Contains("<h1>acme.example is ready</h1>"));
    CHECK(owner_at(b.at("home/acme/sites/x/public/index.php")) == "0644 59991:59991");
    public_dir.remove("index.php");
    REQUIRE(::chmod(b.at("home/acme/sites/x/public").c_str(), 0700) == 0);
    CHECK(b.pass(want).how == Outcome::done);
    CHECK(public_dir.list().empty());
}

TEST_CASE("a directory that a crash left half made still gets its first page") {
    if (!can_run_as_root()) return;
    Home b;
    auto want = b.directory("home/acme/sites/x/public");
    want.placeholder_page = "acme.example";
    b.dir.beneath("home/acme/sites/x").make_new("public", {0, 0, 0700});
    auto const left = b.dir.beneath("home/acme/sites/x/public");
    left.write(".genesis-index.php", "<?php half", {0, 0, 0600});
    CHECK(b.pass(want).how == Outcome::done);
    CHECK_THAT(left.read("index.php")->bytes, Catch::Contains("<h1>acme.example is ready</h1>"));
    CHECK_FALSE(left.look(".genesis-index.php"));
    CHECK(owner_at(b.at("home/acme/sites/x/public")) == "0755 59991:59991");
}

TEST_CASE("a directory of root's with something in it gets no page") {
    if (!can_run_as_root()) return;
    Home b;
    auto want = b.directory("home/acme/sites/x/public");
    want.placeholder_page = "acme.example";
    b.dir.beneath("home/acme/sites/x").make_new("public", {0, 0, 0700});
    auto const there = b.dir.beneath("home/acme/sites/x/public");
    there.write("index.php", "<?php of an administrator", {0, 0, 0644});
    CHECK(b.pass(want).how == Outcome::done);
    CHECK(there.read("index.php")->bytes == "<?php of an administrator");
}

TEST_CASE("a site without PHP gets a page without PHP, and a domain cannot smuggle markup into it") {
    if (!can_run_as_root()) return;
    Home b;
    auto want = b.directory("home/acme/sites/x/public");
    want.placeholder_page = "static:<b>";
    CHECK(b.pass(want).how == Outcome::done);
    auto const page = b.dir.beneath("home/acme/sites/x/public").read("index.html")->bytes;
    CHECK(page.find("<?") == std::string::npos);
    CHECK_THAT(page, Catch::Contains("&lt;b&gt; is ready") && !Catch::Contains("<b>"));
}

TEST_CASE("a home is removed with the processes of its tenant, and what its links name stays") {
    if (!can_run_as_root()) return;
    Home b;
    b.link(b.at("outside"), "home/acme/sites/x/link");
    std::array<int, 2> became_tenant{};
    REQUIRE(::pipe(became_tenant.data()) == 0);
    auto const pid = ::fork();
    if (pid == 0) {
        ::alarm(60);
        if (::setresuid(acme_uid, acme_uid, acme_uid) != 0 || ::write(became_tenant[1], "1", 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char byte = 0;
    REQUIRE(::read(became_tenant[0], &byte, 1) == 1);  // before that it is root's process, which stays
    for (auto const fd : became_tenant) ::close(fd);
    CHECK(b.drop(*b.see<Directory>(b.at("home/acme"))).how == Outcome::done);
    int status = 0;
    CHECK(::waitpid(pid, &status, 0) == pid);
    CHECK(owner_at(b.at("home/acme")) == "absent");
    CHECK(b.untouched());
    CHECK(b.drop(b.directory("home/acme")).how == Outcome::done);
}

TEST_CASE("no tree is removed outside of our roots, nor a home that no tenant owns") {
    if (!can_run_as_root()) return;
    UnixBench b;
    CHECK(b.drop(b.directory("outside")).how == Outcome::terminal);
    CHECK(b.drop(b.directory("home")).how == Outcome::terminal);
    CHECK(b.drop(b.directory("log")).how == Outcome::terminal);
    b.dir.beneath("home").make("operator", {1000, 1000, 0755});
    auto const outcome = b.drop(b.directory("home/operator"));
    CHECK(outcome.how == Outcome::retry);
    CHECK(owner_at(b.at("home/operator")) == "0755 1000:1000");
    CHECK(b.untouched());
}

TEST_CASE("keys are written, read back the same, and written only when something differs") {
    if (!can_run_as_root()) return;
    Home b;
    auto const want = b.keys({key("one"), key("two")});
    CHECK_FALSE(b.see<AuthorizedKeys>("acme"));
    CHECK(b.pass(want).how == Outcome::done);
    CHECK(b.quiet(want));
    CHECK(owner_at(b.at("home/acme/.ssh")) == "0700 59991:59991");
    CHECK(owner_at(b.at("home/acme/.ssh/authorized_keys")) == "0600 59991:59991");
    CHECK(b.pass(b.keys()).how == Outcome::done);
    CHECK(b.quiet(b.keys()));
    CHECK(b.drop(b.keys()).how == Outcome::done);
    CHECK_FALSE(b.see<AuthorizedKeys>("acme"));
    CHECK(b.drop(b.keys()).how == Outcome::done);
}

TEST_CASE("whatever is done by hand to the keys is seen and put back") {
    if (!can_run_as_root()) return;
    Home b;
    auto const want = b.keys({key("one")});
    auto const file = b.at("home/acme/.ssh/authorized_keys"), canary = b.at("outside/canary");
    auto const append = [&](std::string const& text) {
        int const fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        CHECK(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        ::close(fd);
    };
    std::vector<std::function<void()>> const damages{
        [&] { append(key("guest").str() + "\n"); },
        [&] { append("command=\"/bin/sh\" " + key("guest").str() + "\n"); },
        [&] { append("\n"); },
        [&] { ::chmod(file.c_str(), 0644); },
        [&] { ::chmod(b.at("home/acme/.ssh").c_str(), 0777); },
        [&] { CHECK(::lchown(file.c_str(), 0, 0) == 0); },
        [&] { ::unlink(file.c_str()); },
        [&] { ::unlink(file.c_str()), b.link(canary, "home/acme/.ssh/authorized_keys"); },
        [&] { ::unlink(file.c_str()), ::mkfifo(file.c_str(), 0600); },
        [&] { CHECK(::unlink(file.c_str()) + ::link(canary.c_str(), file.c_str()) == 0); },
        [&] { CHECK(::truncate(file.c_str(), off_t(1) << 40) == 0); },
    };
    for (std::size_t i = 0; i < damages.size(); ++i) {
        CAPTURE(i);
        CHECK(b.pass(want).how == Outcome::done);
        damages[i]();
        CHECK_FALSE(b.quiet(want));
        CHECK(b.pass(want).how == Outcome::done);
        CHECK(b.quiet(want));
        CHECK(b.untouched());
    }
}

TEST_CASE("a link in the place of .ssh or of the home is reported, and root's keys stay as they are") {
    if (!can_run_as_root()) return;
    Home b;
    b.link(b.at("outside"), "home/acme/.ssh");
    CHECK(b.see<AuthorizedKeys>("acme")->file ==
          b.at("home/acme/.ssh") + ": something that is no directory is in the way");
    CHECK(b.pass(b.keys({key("one")})).how == Outcome::retry);
    CHECK(b.drop(b.keys()).how == Outcome::done);
    b.dir.beneath("home").remove_tree("acme", b.context);
    b.link(b.at("outside"), "home/acme");
    CHECK(b.see<AuthorizedKeys>("acme")->file != intact);
    CHECK(b.pass(b.keys({key("one")})).how == Outcome::retry);
    CHECK(b.untouched());
}
