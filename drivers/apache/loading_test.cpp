// When Apache loads a tree of sites: it may be slow, end itself, or not have been asked.
#include "drivers/apache/test_bench.hpp"

using namespace genesis;
using namespace genesis::test;

TEST_CASE("a crash between exchange and reload ends in one reload") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    bench.server.silent = true;  // as if the signal had never been sent
    auto after = bench.site("a.test");
    after.suspended = true;
    bench.pass({after});
    bench.server.silent = false;
    bench.driver = bench.made();
    CHECK(bench.differing({after}) == Names{"a.test"});
    auto const loads = bench.server.loads;
    bench.pass({after});
    CHECK(bench.server.loads == loads + 1);
    CHECK(bench.differing({after}).empty());
}

TEST_CASE("when Apache ends itself over a new tree the old one is put back and started") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    bench.server.dies_on_load = true;
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test")});
    CHECK(settled.overall.how == Outcome::retry);
    CHECK(bench.server.up);
    CHECK_FALSE(bench.sites().look("b.test.conf"));
}

TEST_CASE("a stopped Apache is started") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    bench.server.up = false;
    CHECK(bench.differing({bench.site("a.test")}) == Names{"a.test"});
    bench.pass({bench.site("a.test")});
    CHECK(bench.server.up);
    CHECK(bench.differing({bench.site("a.test")}).empty());
}

TEST_CASE("an Apache that is slow to start is waited for, not started again") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.server.up = false;
    bench.server.starting = 3;
    CHECK(bench.pass({bench.site("a.test")}).overall.how == Outcome::done);
    CHECK(bench.server.starts == 1);
    CHECK(bench.server.up);
    CHECK(bench.differing({bench.site("a.test")}).empty());

    bench.server.starting = 1000;  // longer than a batch waits
    CHECK(bench.pass({bench.site("a.test"), bench.site("b.test")}).overall.how == Outcome::retry);
    CHECK(bench.pass({bench.site("a.test"), bench.site("b.test")}).overall.how == Outcome::retry);
    CHECK(bench.server.starts == 1);
    bench.server.starting = 3;
    CHECK(bench.pass({bench.site("a.test"), bench.site("b.test")}).overall.how == Outcome::done);
    CHECK(bench.server.starts == 1);
    CHECK(bench.differing({bench.site("a.test"), bench.site("b.test")}).empty());
}

TEST_CASE("a site is not gone while Apache may still be loading a tree that has it") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    bench.server.silent = true;  // it takes long
    CHECK(bench.pass({bench.site("a.test"), bench.site("b.test")}).overall.how == Outcome::retry);
    if (GENERATE(false, true)) bench.driver = bench.made();  // the daemon was restarted
    CHECK(bench.pass({bench.site("a.test")}).overall.how == Outcome::retry);
    bench.server.silent = false;
    auto const loads = bench.server.loads;
    bench.pass({bench.site("a.test"), bench.site("b.test")});
    CHECK(bench.pass({bench.site("a.test")}).overall.how == Outcome::done);
    CHECK(bench.server.loads > loads);
}
