// What running a program promises: no shell, no inheritance, no way to outlive its deadline.
#include "drivers/host/exec.hpp"

#include "drivers/host/processes.hpp"
#include "drivers/host/test_root.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <catch2/catch.hpp>
#include <csignal>

using namespace genesis;
using namespace genesis::host;

TEST_CASE("a program gets its arguments as they are, its input whole, and its exit code is reported") {
    TestRoot const t;
    auto const echo = run({.argv = {"/bin/echo", "$(id)", "a b", "`x`;"}}, t.context);
    CHECK(echo.ok());
    CHECK(echo.out == "$(id) a b `x`;\n");
    std::string const input(2 << 20, 'x');
    CHECK(run({.argv = {"/bin/cat"}, .input = input}, t.context).out == input);
    CHECK(run({.argv = {"/bin/false"}}, t.context).code == 1);
    CHECK(run({.argv = {"/bin/sh", "-c", "kill -9 $$"}}, t.context).code == 128 + SIGKILL);
}

TEST_CASE("a program gets a clean environment, / as its directory and no descriptor of ours") {
    TestRoot const t;
    ::setenv("GENESIS_SECRET", "leak", 1);
    int const leak = ::open("/dev/null", O_RDONLY);  // NOLINT(android-cloexec-open): without O_CLOEXEC on purpose
    auto const env = run({.argv = {"/usr/bin/env"}}, t.context).out;
    auto const fds = run({.argv = {"/bin/ls", "/proc/self/fd"}}, t.context).out;
    ::close(leak);
    CHECK(env == "HOME=/nonexistent\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
    CHECK(fds == "0\n1\n2\n3\n");  // 3 is the directory that ls reads
    CHECK(run({.argv = {"/bin/pwd"}}, t.context).out == "/\n");
}

TEST_CASE("a program that runs as a tenant has its numbers and nothing of root's") {
    if (!can_run_as_root()) return;
    TestRoot const t;
    auto const out = run({.argv = {"/bin/cat", "/proc/self/status"}, .as = RunAs{tenant, tenant}}, t.context).out;
    for (auto const* line : {"Uid:\t59990\t59990\t59990\t59990", "Gid:\t59990\t59990\t59990\t59990", "Groups:\t \n",
                             "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
                             "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"})
        CHECK(out.find(line) != std::string::npos);
}

TEST_CASE("a program that cannot start is a fault that says why, and a name without a path is none") {
    TestRoot const t;
    CHECK_THROWS_WITH(run({.argv = {"/nonexistent/tool"}}, t.context), Catch::Contains("No such file"));
    CHECK_THROWS_AS(run({.argv = {"ls"}}, t.context), Fault);
}

TEST_CASE("at the deadline the program and its children are killed") {
    TestRoot const t;
    Context soon{{}, std::chrono::steady_clock::now() + std::chrono::milliseconds(200), t.clock, t.context.log};
    auto const before = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(run({.argv = {"/bin/sh", "-c", "sleep 60 & sleep 60"}}, soon), Expired);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(50));
}

TEST_CASE("a grandchild that keeps the output open does not hold us, and does not outlive the call") {
    TestRoot const t;
    auto const before = std::chrono::steady_clock::now();
    auto const ran = run({.argv = {"/bin/sh", "-c", "sleep 60 & echo $!"}}, t.context);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(50));
    auto const pid = static_cast<pid_t>(std::stoi(ran.out));
    bool gone = false;
    for (int i = 0; i < 200 && !gone; ++i) {
        gone = ::access(("/proc/" + std::to_string(pid) + "/exe").c_str(), F_OK) != 0;  // also true of a zombie
        ::usleep(10000);
    }
    CHECK(gone);
}

TEST_CASE("more output than is kept is read and dropped") {
    TestRoot const t;
    auto const ran = run({.argv = {"/usr/bin/head", "-c", "3000000", "/dev/zero"}, .most = 1000}, t.context);
    CHECK(ran.ok());
    CHECK(ran.out.size() == 1000);
}

TEST_CASE("a complaint becomes one printable line") {
    TestRoot const t;
    auto const ran = run({.argv = {"/bin/sh", "-c", "printf 'one\\ntwo\\033\\n' >&2; exit 3"}}, t.context);
    CHECK(ran.why() == "one two?");
    CHECK(run({.argv = {"/bin/false"}}, t.context).why() == "exit code 1");
}

TEST_CASE("every process of a user is ended, also those that fork and have left their session") {
    if (!can_run_as_root()) return;
    TestRoot const t;
    int ready[2] = {-1, -1};
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    auto const pid = ::fork();
    if (pid == 0) {
        if (::setresuid(tenant, tenant, tenant) != 0) ::_exit(1);
        for (int i = 0; i < 5; ++i)  // 31 more
            if (::fork() == 0) ::setsid();
        if (::write(ready[1], "r", 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    ::close(ready[1]);
    char one = 0;  // all of them are the tenant's now; without this the look below could come before the first is
    for (int i = 0; i < 32; ++i) REQUIRE(::read(ready[0], &one, 1) == 1);
    ::close(ready[0]);
    int status = 0;
    CHECK(end_processes({tenant}, t.context).empty());
    CHECK(::waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status));
    CHECK_THROWS_AS(end_processes({0}, t.context), Fault);
    CHECK_THROWS_AS(end_processes({33}, t.context), Fault);
}

// The one that ends them has their number, and may be stopped by them like any other process of theirs.
TEST_CASE("processes that stop whatever is theirs do not stop their end") {
    if (!can_run_as_root()) return;
    TestRoot const t;
    for (int round = 0; round < 20; ++round) {
        int ready[2] = {-1, -1};
        REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
        std::array<pid_t, 4> stoppers{};
        for (auto& pid : stoppers) {
            pid = ::fork();
            if (pid != 0) continue;
            ::alarm(60);
            if (::setresuid(tenant, tenant, tenant) != 0 || ::write(ready[1], "r", 1) != 1) ::_exit(1);
            for (;;) ::kill(-1, SIGSTOP);
        }
        ::close(ready[1]);
        char one = 0;
        REQUIRE(::read(ready[0], &one, 1) == 1);
        ::close(ready[0]);
        CHECK(end_processes({tenant}, t.context).empty());
        for (auto const pid : stoppers) {
            int status = 0;
            while (::waitpid(pid, &status, 0) != pid || !(WIFSIGNALED(status) || WIFEXITED(status))) {
            }
            CHECK(WIFSIGNALED(status));
        }
    }
}
