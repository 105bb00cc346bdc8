// How a batch of sites goes live, on real files in a temporary folder; Apache itself is asked in the lab.
#include "drivers/apache/driver.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace genesis;

namespace {

struct SystemClock final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};
struct NoLog final : Log {
    void write(Level /*level*/, std::string_view /*message*/, Fields /*fields*/) override {}
};

// Reads the tree from disk as Apache would: accepts a site unless its domain is in `broken`, loads what stands in
// sites.
struct TreeServer final : WebServer {
    struct State {
        std::string root;
        std::set<std::string> broken;  // the message does not say which
        bool foreign_broken = false, up = true, dies_on_load = false, silent = false;
        std::string loaded;
        int tests = 0, loads = 0;
        std::size_t files = 8192;
    };
    explicit TreeServer(State& state) : s(state) {}
    State& s;

    Tested test(bool staged, Context& /*context*/) override {
        ++s.tests;
        if (s.foreign_broken) return {false, "Syntax error on line 1 of /etc/apache2/x.conf", {}};
        auto const path = s.root + (staged ? "/staged" : "/sites");
        auto const dir = host::Dir::open(path);
        std::string hosts = "*:80 is a NameVirtualHost\n";
        auto names = dir.list();
        std::sort(names.begin(), names.end());
        for (auto const& name : names) {
            auto const site = read_site(dir.read(name)->bytes);
            if (!site) continue;
            if (s.broken.contains(site->domain.str())) return {false, "Syntax error somewhere", {}};
            hosts += "   port 80 namevhost " + site->domain.str() + " (" + path + "/" + name + ":1)\n";
            for (auto const& alias : site->aliases)
                hosts +=
                    std::string(alias.str().starts_with('*') ? "   wild alias " : "   alias ") + alias.str() + "\n";
        }
        return {true, {}, hosts};
    }
    [[nodiscard]] std::optional<pid_t> running() const override {
        return s.up ? std::optional<pid_t>(1) : std::nullopt;
    }
    [[nodiscard]] std::size_t file_limit() const override { return s.files; }
    void load() {
        ++s.loads;
        if (s.dies_on_load) {
            s.dies_on_load = false;
            s.up = false;
            return;
        }
        if (s.silent) return;
        auto const file = host::Dir::open(s.root + "/sites").read(canary_file);
        auto const at = file ? file->bytes.find("Generation \"") : std::string::npos;
        s.loaded = at == std::string::npos ? "" : file->bytes.substr(at + 12, 16);
    }
    void graceful(Context& /*context*/) override { load(); }
    void start(Context& /*context*/) override {
        s.up = true;
        load();
    }
    [[nodiscard]] std::string generation() const override { return s.up ? s.loaded : ""; }
};

struct Bench {
    SystemClock clock;
    NoLog log;
    Context context{{}, std::chrono::steady_clock::now() + std::chrono::minutes(1), clock, log};
    std::string path = [] {
        std::string name = "/tmp/genesis-web-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw Fault("mkdtemp");
        return name;
    }();
    TreeServer::State server = [this] {
        TreeServer::State state;
        state.root = path + "/apache";
        return state;
    }();
    std::unique_ptr<ApacheDriver> driver = made();

    Bench() { host::Dir::make_all(path + "/log", {0, 0, 0755}); }
    Bench(Bench const&) = delete;
    Bench& operator=(Bench const&) = delete;
    ~Bench() {
        auto const [parent, name] = host::split(path);
        host::Dir::open(parent).remove_tree(name, context);
    }
    [[nodiscard]] std::unique_ptr<ApacheDriver> made() {
        ApacheSettings settings;
        settings.root = path + "/apache";
        settings.tls_root = path + "/tls";
        settings.state_dir = path + "/state";
        settings.foreign_dirs = {path + "/foreign"};
        settings.patience = std::chrono::milliseconds(50);
        return std::make_unique<ApacheDriver>(settings, std::make_unique<TreeServer>(server));
    }
    [[nodiscard]] Site site(std::string const& domain) const {
        Site s;
        s.domain = Domain(domain);
        s.owner = AccountName("acme");
        s.docroot = AbsolutePath("/home/acme/public");
        s.log_dir = AbsolutePath(path + "/log");
        return s;
    }
    // One pass of a toy engine; returns what commit() said.
    CommitResult pass(std::vector<Site> const& want) {
        auto const seen = driver->observe({}, {}, context);
        std::vector<Step<Site>> steps;
        for (auto const& w : want) {
            auto const have =
                std::find_if(seen.found.begin(), seen.found.end(), [&](auto const& f) { return f.domain == w.domain; });
            if (have == seen.found.end())
                steps.push_back({Verb::create, w, {}, {}});
            else if (!diff(schema_of<Site>(), encode(w), encode(*have)).empty())
                steps.push_back({Verb::update, w, *have, {}});
        }
        for (auto const& have : seen.found)
            if (std::none_of(want.begin(), want.end(), [&](auto const& w) { return w.domain == have.domain; }))
                steps.push_back({Verb::remove, {}, have, {}});
        driver->apply(steps, context);
        return driver->commit(context);
    }
    // The domains that differ from what is wanted.
    std::vector<std::string> differing(std::vector<Site> const& want) {
        auto const seen = driver->observe({}, {}, context);
        std::vector<std::string> out;
        for (auto const& w : want) {
            auto const have =
                std::find_if(seen.found.begin(), seen.found.end(), [&](auto const& f) { return f.domain == w.domain; });
            if (have == seen.found.end() || !diff(schema_of<Site>(), encode(w), encode(*have)).empty())
                out.push_back(w.domain.str());
        }
        return out;
    }
    [[nodiscard]] host::Dir sites() const { return host::Dir::open(path + "/apache/sites"); }
};
bool root() {
    if (::geteuid() == 0) return true;
    WARN("needs root: skipped");
    return false;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("many changed sites cost one config test and one graceful restart, and then nothing") {
    if (!root()) return;
    Bench bench;
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
    if (!root()) return;
    Bench bench;
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
    if (!root()) return;
    Bench bench;
    auto secure = bench.site("a.test"), lost = bench.site("b.test");
    secure.certificate = Domain("a.test");
    lost.log_dir = AbsolutePath(bench.path + "/nowhere");
    std::vector<Site> const want{secure, lost, bench.site("c.test")};
    CHECK(bench.pass(want).records.size() == 2);
    CHECK(bench.differing(want) == Names{"a.test", "b.test"});
    CHECK_FALSE(bench.sites().look("a.test.conf"));
}

TEST_CASE("while a site cannot be as wanted, its last good version stays live") {
    if (!root()) return;
    Bench bench;
    auto const before = bench.site("a.test");
    bench.pass({before});
    auto after = before;
    after.certificate = Domain("a.test");
    CHECK(bench.pass({after}).records.size() == 1);
    CHECK(read_site(bench.sites().read("a.test.conf")->bytes)->certificate.empty());
    CHECK(bench.server.loads == 1);
}

TEST_CASE("nothing is touched while somebody else's configuration is broken") {
    if (!root()) return;
    Bench bench;
    bench.pass({bench.site("a.test")});
    bench.server.foreign_broken = true;
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test")});
    CHECK(settled.overall.how == Outcome::retry);
    CHECK_FALSE(bench.sites().look("b.test.conf"));
    CHECK(bench.server.loads == 1);
}

TEST_CASE("a crash between exchange and reload ends in one reload") {
    if (!root()) return;
    Bench bench;
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
    if (!root()) return;
    Bench bench;
    bench.pass({bench.site("a.test")});
    bench.server.dies_on_load = true;
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test")});
    CHECK(settled.overall.how == Outcome::retry);
    CHECK(bench.server.up);
    CHECK_FALSE(bench.sites().look("b.test.conf"));
}

TEST_CASE("sites for whose logs Apache has no descriptors wait, and the others go live") {
    if (!root()) return;
    Bench bench;
    bench.server.files = 256 + 4;
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test"), bench.site("c.test")});
    CHECK(settled.records.size() == 1);
    CHECK(bench.server.up);
    CHECK(bench.server.loads == 1);
}

TEST_CASE("a stopped Apache is started") {
    if (!root()) return;
    Bench bench;
    bench.pass({bench.site("a.test")});
    bench.server.up = false;
    CHECK(bench.differing({bench.site("a.test")}) == Names{"a.test"});
    bench.pass({bench.site("a.test")});
    CHECK(bench.server.up);
    CHECK(bench.differing({bench.site("a.test")}).empty());
}

TEST_CASE("every damage to a site's file is seen and repaired without a reload") {
    if (!root()) return;
    auto const damage = GENERATE(0, 1, 2, 3);
    Bench bench;
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
    if (!root()) return;
    Bench bench;
    bench.pass({bench.site("a.test")});
    bench.sites().write("x.test.conf", "# by hand\n", {0, 0, 0644});
    auto const settled = bench.pass({bench.site("a.test"), bench.site("b.test"), bench.site("x.test")});
    CHECK(bench.sites().read("x.test.conf")->bytes == "# by hand\n");
    REQUIRE(settled.records.size() == 1);
    CHECK(settled.records[0].first.key == "x.test");
    CHECK(bench.driver->observe({}, {}, bench.context).unmanaged.size() == 1);
}

TEST_CASE("a name the rest of Apache's configuration serves is unmanaged") {
    if (!root()) return;
    Bench bench;
    bench.pass({bench.site("a.test")});
    host::Dir::make_all(bench.path + "/foreign", {0, 0, 0755})
        .write("old.conf", "<VirtualHost *:80>\n  servername \"Old.test:80\"\n", {0, 0, 0644});
    auto const seen = bench.driver->observe({}, {}, bench.context);
    REQUIRE(seen.unmanaged.size() == 1);
    CHECK(seen.unmanaged[0].value.domain == Domain("old.test"));
    CHECK(seen.unmanaged[0].why == "served by " + bench.path + "/foreign/old.conf");
}

TEST_CASE("a wildcard does not take a name that another site asks for") {
    if (!root()) return;
    Bench bench;
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
