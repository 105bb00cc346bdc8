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

TEST_CASE("Apache listens for Genesis alone only where no other user can, also while it is down") {
    auto const text = canary("17-0123456789abcdef");
    static_assert(canary_port < 512);
    CHECK(text.find("Listen 127.0.0.1:171\n<VirtualHost 127.0.0.1:171>") != std::string::npos);
    CHECK(text.find("X-Genesis-Generation \"17-0123456789abcdef\"") != std::string::npos);
    CHECK(is_canary(text));
    CHECK_FALSE(is_canary("Listen 127.0.0.1:7081\n" + text));
    CHECK_FALSE(is_canary(""));
}

TEST_CASE("a tree that makes Apache listen at an address of its own, as 0.1.0 did, is replaced and loaded once") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    std::vector<Site> const want{bench.site("a.test"), bench.site("b.test")};
    bench.pass(want);
    auto const now = bench.sites().read("_genesis.conf")->bytes;
    auto const damage = GENERATE(0, 1);
    if (damage == 0) bench.sites().write("_genesis.conf", "Listen 127.0.0.1:7081\n" + now, site_file_owner);
    if (damage == 1) bench.sites().remove("_genesis.conf");
    bench.server.loaded.clear();  // it runs what stood there
    CHECK(bench.differing(want) == Names{"a.test"});
    bench.pass(want);
    CHECK(bench.sites().read("_genesis.conf")->bytes == now);
    CHECK(bench.server.loads == 2);
    CHECK(bench.differing(want).empty());
}

TEST_CASE("where Apache ends itself over its sites, its own words are in the message") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.server.dies_on_load = true;
    bench.server.says = "AH02572: Failed to configure at least one certificate";
    auto const settled = bench.pass({bench.site("a.test")});
    CHECK(settled.overall.why.ends_with(": AH02572: Failed to configure at least one certificate"));
}
