// How the local user database is read: who is ours, who is unmanaged, and what is wrong with whom.
#include "drivers/unix/driver.hpp"

#include "drivers/unix/test_bench.hpp"

using namespace genesis;
using host::can_run_as_root;

TEST_CASE("a user of ours is read back whole, and everybody else is unmanaged") {
    if (!can_run_as_root()) return;
    UnixBench b;
    CHECK(b.quiet(b.user()));
    auto const seen = b.driver.observe(Of<UnixUser>{}, {}, b.context);
    CHECK(seen.found.size() == 1);
    CHECK(seen.unmanaged.size() == 2);  // root, and the group genesis-sftp
    CHECK(seen.unseen.empty());
}

TEST_CASE("a user is ours by its number and the first field of GECOS, which a tenant cannot change") {
    if (!can_run_as_root()) return;
    UnixBench b;
    auto const line = [&](std::string const& uid, std::string const& gecos) {
        b.accounts("acme:x:" + uid + ":" + uid + ":" + gecos + ":" + b.at("home/acme") + ":/bin/sh\n",
                   "acme:x:" + uid + ":\n");
        return b.driver.observe(Of<UnixUser>{}, Scope{{"acme"}}, b.context);
    };
    CHECK(line("59991", "genesis").found.size() == 1);
    CHECK(line("59991", "genesis,room 1,,").found.size() == 1);
    for (auto const* gecos : {"", "Genesis", "genesis2", "x,genesis"}) CHECK(line("59991", gecos).found.empty());
    CHECK(line("1001", "genesis").found.empty());
    CHECK(line("60000", "genesis").unmanaged.at(0).why == "user acme (60000) exists and is not ours");
}

TEST_CASE("a group that bears the name of no user is unmanaged unless a creation of ours ended half way") {
    if (!can_run_as_root()) return;
    UnixBench b;
    b.accounts("", "acme:x:555:\n");
    auto const seen = b.driver.observe(Of<UnixUser>{}, Scope{{"acme"}}, b.context);
    CHECK(seen.found.empty());
    CHECK(seen.unmanaged.at(0).why == "group acme (555) exists and is not ours");
    b.accounts("", "acme:x:59991:\n");
    CHECK(b.driver.observe(Of<UnixUser>{}, Scope{{"acme"}}, b.context).unmanaged.empty());
}

TEST_CASE("login groups, expiry and the user's own group are seen as they are") {
    if (!can_run_as_root()) return;
    UnixBench b;
    auto const with = [&](std::string const& group, std::string const& expires) {
        b.accounts("acme:x:59991:59991:genesis:" + b.at("home/acme") + ":/bin/sh\n", group,
                   "acme:!*:1:::::" + expires + ":\n");
        return *b.see<UnixUser>("acme");
    };
    std::string const own = "acme:x:59991:\n";
    CHECK(with(own + "genesis-shell:x:991:other,acme\n", "").login == Login::shell);
    CHECK(with(own, "").entry == "in no login group");
    CHECK(with(own + "genesis-shell:x:991:acme\ngenesis-nossh:x:992:acme\n", "").entry ==
          "in more than one login group");
    CHECK(with("other:x:1:\n", "").entry == "the group acme is missing");
    CHECK(with("acme:x:7:\n", "").entry == "the group acme has the number 7");
    CHECK_FALSE(with(own, "").expired);
    CHECK(with(own, "1").expired);
    CHECK(with(own, "20000").expired);  // the clock of this test stands at day 20000
    CHECK_FALSE(with(own, "20001").expired);
}

TEST_CASE("a user database that is missing or empty is a fault, never an empty server") {
    if (!can_run_as_root()) return;
    UnixBench b;
    b.dir.beneath("etc").write("passwd", "", {0, 0, 0644});
    CHECK_THROWS_AS(b.driver.observe(Of<UnixUser>{}, {}, b.context), Fault);
    b.dir.beneath("etc").remove("passwd");
    CHECK_THROWS_AS(b.driver.observe(Of<UnixUser>{}, {}, b.context), Fault);
    CHECK_THROWS_AS(b.driver.observe(Of<AuthorizedKeys>{}, Scope{{"acme"}}, b.context), Fault);
}

TEST_CASE("a name or number that somebody else has is never taken over") {
    if (!can_run_as_root()) return;
    UnixBench b;
    auto const try_with = [&](std::string const& passwd, std::string const& group) {
        // The three login groups are there and nothing is wanted that may be made: no tool is run.
        b.accounts(passwd, group + "genesis-nossh:x:1:\ngenesis-sftp:x:2:\ngenesis-shell:x:3:\n");
        Step<UnixUser> const step{Verb::create, b.user(), {}, {}};
        return b.driver.apply(std::span<Step<UnixUser> const>(&step, 1), b.context).front();
    };
    CHECK(try_with("acme:x:1001:1001::/home/acme:/bin/sh\n", "").why == "user acme (1001) exists and is not ours");
    CHECK(try_with("other:x:59991:1001::/home/other:/bin/sh\n", "").why == "the number 59991 belongs to user other");
    CHECK(try_with("", "acme:x:555:\n").why == "group acme (555) exists and is not ours");
    CHECK(try_with("", "other:x:59991:\n").why == "the number 59991 belongs to group other");
    CHECK(try_with("acme:x:59992:59992:genesis:/home/acme:/bin/sh\n", "").why == "user acme has the number 59992");
    CHECK(b.drop(b.user()).why == "user acme has the number 59992");
}
