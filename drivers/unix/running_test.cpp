// What becomes of the processes of users who are expired: seen, ended at their suspension, and nobody else's.
#include "drivers/unix/driver.hpp"

#include "drivers/unix/test_bench.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

using namespace genesis;
using host::can_run_as_root;
using namespace std::chrono_literals;

namespace {

// A process with these real, effective and saved users, which does nothing.
class Sleeper {
public:
    Sleeper(uid_t real, uid_t effective, uid_t saved) {
        std::array<int, 2> ready{};
        if (::pipe(ready.data()) != 0) throw Fault("no pipe");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::alarm(120);
            if (::setresuid(real, effective, saved) != 0) ::_exit(1);
            ::close(ready[0]);
            ::close(ready[1]);
            for (;;) ::pause();
        }
        ::close(ready[1]);
        char byte = 0;
        (void)!::read(ready[0], &byte, 1);  // ends once it is who it shall be
        ::close(ready[0]);
    }
    explicit Sleeper(uid_t uid) : Sleeper(uid, uid, uid) {}
    Sleeper(Sleeper const&) = delete;
    Sleeper& operator=(Sleeper const&) = delete;
    ~Sleeper() {
        if (ended_) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] std::string id() const { return std::to_string(pid_); }
    bool has_ended() {
        if (!ended_) ended_ = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
        return ended_;
    }

private:
    pid_t pid_ = -1;
    bool ended_ = false;
};

struct Suspended : UnixBench {
    Suspended() { expires("1"); }
    void expires(std::string const& day) const {
        accounts("acme:x:59991:59991:genesis:" + at("home/acme") + ":/bin/sh\n",
                 "acme:x:59991:\ngenesis-sftp:x:990:acme\ngenesis-nossh:x:991:\ngenesis-shell:x:992:\n",
                 "acme:!*:1:::::" + day + ":\n");
    }
    [[nodiscard]] UnixUser wanted() const {
        auto out = user();
        out.expired = true;
        return out;
    }
    Outcome update(UnixUser const& have) {
        Step<UnixUser> const step{Verb::update, wanted(), have, {}};
        return driver.apply(std::span<Step<UnixUser> const>(&step, 1), context).front();
    }
};

}  // namespace

TEST_CASE("a user who is expired and still runs something is not as wanted, and the process is named") {
    if (!can_run_as_root()) return;
    Suspended b;
    CHECK(b.quiet(b.wanted()));
    Sleeper const sleeper(acme_uid);
    for (auto const& scope : {Scope{}, Scope{{"acme"}}}) {
        auto const seen = b.driver.observe(Of<UnixUser>{}, scope, b.context);
        REQUIRE(seen.found.size() == 1);
        CHECK(seen.found.front().expired);
        CHECK_THAT(seen.found.front().entry, Catch::StartsWith("expired, but still runs " + sleeper.id() + " ("));
    }
    CHECK_FALSE(b.quiet(b.wanted()));
    b.expires("");
    CHECK(b.quiet(b.user()));
}

TEST_CASE("what an expired user runs is ended, and nobody else's") {
    if (!can_run_as_root()) return;
    Suspended b;
    Sleeper one(acme_uid), two(acme_uid), other(acme_uid + 1);
    CHECK(b.pass(b.wanted()).how == Outcome::done);
    CHECK(one.has_ended());
    CHECK(two.has_ended());
    CHECK_FALSE(other.has_ended());
    CHECK(b.quiet(b.wanted()));
}

TEST_CASE("a user who is made active again keeps what it runs") {
    if (!can_run_as_root()) return;
    Suspended b;
    b.expires("");
    Sleeper sleeper(acme_uid);
    Step<UnixUser> const step{Verb::update, b.user(), b.wanted(), {}};
    CHECK(b.driver.apply(std::span<Step<UnixUser> const>(&step, 1), b.context).front().how == Outcome::done);
    CHECK_FALSE(sleeper.has_ended());
}

TEST_CASE("a process that outlives a suspension holds up no site, and the next step fails and names it") {
    if (!can_run_as_root()) return;
    Suspended b;
    {
        Sleeper const accomplice(acme_uid + 1, acme_uid, acme_uid + 1);  // in a setuid copy that somebody else runs
        auto const began = std::chrono::steady_clock::now();
        CHECK(b.update(b.user()).how == Outcome::done);
        auto const again = b.pass(b.wanted());
        CHECK(again.how == Outcome::retry);
        CHECK_THAT(again.why, Catch::Contains(accomplice.id() + " (") && Catch::Contains("), which user 59992 runs"));
        CHECK(std::chrono::steady_clock::now() - began < 5s);
    }
    CHECK(b.pass(b.wanted()).how == Outcome::done);
    CHECK(b.quiet(b.wanted()));
}

TEST_CASE("a suspension that the time of its batch does not reach is not done, and nothing is said to have failed") {
    if (!can_run_as_root()) return;
    Suspended b;
    Sleeper sleeper(acme_uid);
    Context over = b.context;
    over.deadline = std::chrono::steady_clock::now() - 1s;
    Step<UnixUser> const step{Verb::update, b.wanted(), b.wanted(), {}};
    CHECK(b.driver.apply(std::span<Step<UnixUser> const>(&step, 1), over).front().how == Outcome::in_progress);
    CHECK_FALSE(sleeper.has_ended());
}
