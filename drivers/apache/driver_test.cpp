// How a batch of sites goes live, on real files in a temporary folder; Apache itself is asked in the lab.
#include "drivers/apache/test_bench.hpp"

using namespace genesis;
using namespace genesis::test;

TEST_CASE("many changed sites cost one config test and one graceful restart, and then nothing") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    std::vector<Site> want;
    for (int i = 0; i < 50; ++i) want.push_back(bench.site("s" + std::to_string(i) + ".test"));
    CHECK(bench.pass(want).records.empty());
    CHECK(bench.differing(want).empty());
    CHECK(bench.server.tests == 1);
    CHECK(bench.server.loads == 1);
    bench.pass(want);
    CHECK(bench.server.tests == 1);
    CHECK(bench.server.loads == 1);
}

TEST_CASE("a site Apache refuses is found by bisection and the others go live") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    std::vector<Site> want;
    for (int i = 0; i < 16; ++i) want.push_back(bench.site("s" + std::to_string(i) + ".test"));
    bench.server.broken = {"s11.test"};
    auto const settled = bench.pass(want);
    REQUIRE(settled.records.size() == 1);
    CHECK(settled.records[0].first.key == "s11.test");
    CHECK(settled.records[0].second.why == "quarantined: Syntax error somewhere");
    CHECK(bench.differing(want) == Names{"s11.test"});
    CHECK(bench.server.loads == 1);
    bench.pass(want);
    CHECK(bench.server.loads == 1);
    bench.server.broken.clear();
    bench.pass(want);
    CHECK(bench.differing(want).empty());
    CHECK(bench.server.loads == 2);
}

TEST_CASE("a site without its certificate or log directory never reaches the tree") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    auto secure = bench.site("a.test"), lost = bench.site("b.test");
    secure.certificate = Domain("a.test");
    lost.log_dir = AbsolutePath(bench.path + "/nowhere");
    std::vector<Site> const want{secure, lost, bench.site("c.test")};
    CHECK(bench.pass(want).records.size() == 2);
    CHECK(bench.differing(want) == Names{"a.test", "b.test"});
    CHECK_FALSE(bench.sites().look("a.test.conf"));
}

TEST_CASE("while a site cannot be as wanted, its last good version stays live") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    auto const before = bench.site("a.test");
    bench.pass({before});
    auto after = before;
    after.certificate = Domain("a.test");
    CHECK(bench.pass({after}).records.size() == 1);
    CHECK(read_site(bench.sites().read("a.test.conf")->bytes)->certificate.empty());
    CHECK(bench.server.loads == 1);
}

TEST_CASE("nothing is touched while somebody else's configuration is broken") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    bench.server.foreign_broken = true;
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test")});
    CHECK(settled.overall.how == Outcome::retry);
    CHECK_FALSE(bench.sites().look("b.test.conf"));
    CHECK(bench.server.loads == 1);
}

TEST_CASE("sites for whose logs Apache has no descriptors wait, and the others go live") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.server.files = 256 + 4;
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test"), bench.site("c.test")});
    CHECK(settled.records.size() == 1);
    CHECK(bench.server.up);
    CHECK(bench.server.loads == 1);
}

TEST_CASE("every damage to a site's file is seen and repaired without a reload") {
    if (!host::can_run_as_root()) return;
    auto const damage = GENERATE(0, 1, 2, 3);
    ApacheBench bench;
    std::vector<Site> const want{bench.site("a.test"), bench.site("b.test")};
    bench.pass(want);
    auto const bytes = bench.sites().read("a.test.conf")->bytes;
    if (damage == 0) bench.sites().write("a.test.conf", "", site_file_owner);
    if (damage == 1) bench.sites().remove("a.test.conf");
    if (damage == 2) REQUIRE(::fchmodat(bench.sites().fd(), "a.test.conf", 0666, 0) == 0);
    if (damage == 3) bench.sites().write("a.test.conf", bytes + "Include /etc/shadow\n", site_file_owner);
    REQUIRE(bench.differing(want) == Names{"a.test"});
    bench.pass(want);
    CHECK(bench.differing(want).empty());
    CHECK(bench.sites().read("a.test.conf")->bytes == bytes);
    CHECK(bench.server.loads == 1);
}

TEST_CASE("a file in our tree that is not ours survives exchanges, and its name is not taken") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    bench.sites().write("x.test.conf", "# by hand\n", {0, 0, 0644});
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test"), bench.site("x.test")});
    CHECK(bench.sites().read("x.test.conf")->bytes == "# by hand\n");
    REQUIRE(settled.records.size() == 1);
    CHECK(settled.records[0].first.key == "x.test");
    CHECK(bench.driver->observe({}, {}, bench.context).unmanaged.size() == 1);
}

TEST_CASE("a name the rest of Apache's configuration serves is unmanaged") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    bench.pass({bench.site("a.test")});
    host::Dir::make_all(bench.path + "/foreign", {0, 0, 0755})
        .write("old.conf", "<VirtualHost *:80>\n  servername \"Old.test:80\"\n", {0, 0, 0644});
    auto const seen = bench.driver->observe({}, {}, bench.context);
    REQUIRE(seen.unmanaged.size() == 1);
    CHECK(seen.unmanaged[0].value.domain == Domain("old.test"));
    CHECK(seen.unmanaged[0].why == "served by " + bench.path + "/foreign/old.conf");
}

TEST_CASE("a wildcard does not take a name that another site asks for") {
    if (!host::can_run_as_root()) return;
    ApacheBench bench;
    auto wild = bench.site("a.test");
    wild.aliases = {DomainPattern("*.a.test")};
    std::vector<Site> const want{wild, bench.site("shop.a.test")};
    CHECK(bench.pass(want).records.empty());
    CHECK(bench.differing(want).empty());
}

TEST_CASE("the dump says who gets a name, first come first served") {
    HostMap const map(
        "VirtualHost configuration:\n"
        "*:80                   is a NameVirtualHost\n"
        "         default server default.invalid (/etc/g.conf:3)\n"
        "         port 80 namevhost default.invalid (/etc/g.conf:3)\n"
        "         port 80 namevhost a.test (/s/a.test.conf:2)\n"
        "                 alias www.a.test\n"
        "                 wild alias *.a.test\n"
        "         port 80 namevhost b.a.test (/s/b.conf:2)\n"
        "*:443                  a.test (/s/a.test.conf:9)\n");
    CHECK(map.owner(80, "a.test") == "/s/a.test.conf");
    CHECK(map.owner(80, "b.a.test") == "/s/a.test.conf");
    CHECK(map.owner(80, "*.a.test") == "/s/a.test.conf");
    CHECK(map.owner(443, "a.test") == "/s/a.test.conf");
    CHECK(map.owner(443, "b.test").empty());
}

TEST_CASE("free text of a suspended site can be neither HTML nor Apache's configuration") {
    Site site;
    site.domain = Domain("a.test");
    site.owner = AccountName("acme");
    site.docroot = AbsolutePath("/home/acme/public");
    site.log_dir = AbsolutePath("/var/log/genesis/acme");
    site.suspended = true;
    site.suspended_text = "<script>\"\\ ${PATH} %{HTTP_HOST}";
    auto const text = render_site(site, "/tls");
    auto const body = text.substr(text.find('\n'));
    CHECK(body.find("<script>") == std::string::npos);
    CHECK(body.find("${") == std::string::npos);
    CHECK(body.find('\\') == std::string::npos);
    auto const back = read_site(text);
    REQUIRE(back);
    CHECK(back->suspended_text == site.suspended_text);
}
