// What the PHP-FPM driver writes, on real files in a temporary folder; systemd itself is asked in the lab.
#include "drivers/php_fpm/driver.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

using namespace genesis;

namespace {

PhpService service() {
    PhpService record;
    record.name = UnitName("acme-8.2");
    record.owner = AccountName("acme");
    record.version = PhpVersion("8.2");
    record.home = AbsolutePath("/home/acme");
    record.slice = UnitName("genesis-acme");
    record.log_dir = AbsolutePath("/var/log/genesis/acme");
    PhpPool one, two;
    one.site = Domain("a.test");
    one.settings["memory_limit"] = PhpValue("64M");
    two.site = Domain("b.test");
    record.pools = {one, two};
    return record;
}
bool holds(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

struct SystemClock final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};
struct NoLog final : Log {
    void write(Level /*level*/, std::string_view /*message*/, Fields /*fields*/) override {}
};
struct Bench {
    SystemClock clock;
    NoLog log;
    Context context{{}, std::chrono::steady_clock::now() + std::chrono::minutes(1), clock, log};
    std::string path = [] {
        std::string name = "/tmp/genesis-php-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw Fault("mkdtemp");
        return name;
    }();
    NodeLayout layout{
        .run = path + "/run", .config = path + "/etc", .state = path + "/state", .units = path + "/units"};
    PhpFpmSettings settings{AbsolutePath(path + "/sbin")};
    PhpFpmDriver driver{layout, settings};

    Bench() = default;
    Bench(Bench const&) = delete;
    Bench& operator=(Bench const&) = delete;
    ~Bench() {
        auto const [parent, name] = host::split(path);
        host::Dir::open(parent).remove_tree(name, context);
    }
    void install(std::string const& version) const {
        host::Dir::make_all(settings.program_dir.str(), {0, 0, 0755}).write("php-fpm" + version, "", {0, 0, 0755});
    }
    Outcome apply(PhpService const& want) {
        Step<PhpService> const step{Verb::create, want, {}, {}};
        return driver.apply(std::span(&step, 1), context).front();
    }
};
bool root() {
    if (::geteuid() == 0) return true;
    WARN("needs root: skipped");
    return false;
}

}  // namespace

TEST_CASE("a PHP service's configuration gives its record back, a unit all but its pools' settings") {
    auto const want = service();
    auto const files = render_php(want, NodeLayout{});
    auto const back = read_php_service(files.config);
    REQUIRE(back);
    CHECK(diff(schema_of<PhpService>(), encode(want), encode(*back)).empty());
    for (auto const& text : {files.service, files.socket}) {
        auto const named = read_php_service(text);
        REQUIRE(named);
        auto expected = want;
        for (auto& pool : expected.pools) pool.settings.clear();
        CHECK(diff(schema_of<PhpService>(), encode(expected), encode(*named)).empty());
    }
    CHECK_FALSE(read_php_service("[Socket]\n"));
    CHECK_FALSE(read_php_service("# genesis {\"name\":\"x\"}\n"));
    CHECK_FALSE(read_php_service(""));
}

TEST_CASE("what systemd need not know changes no unit: a pool's settings are the configuration's alone") {
    auto const before = render_php(service(), NodeLayout{});
    auto changed = service();
    changed.pools[0].max_children = 17;
    changed.pools[1].settings["memory_limit"] = PhpValue("256M");
    auto const after = render_php(changed, NodeLayout{});
    CHECK(after.service == before.service);
    CHECK(after.socket == before.socket);
    CHECK(after.config != before.config);
    changed.pools.pop_back();
    CHECK(render_php(changed, NodeLayout{}).service != before.service);
}

TEST_CASE("a stamp reads back what was given, and what is no stamp gives nothing") {
    auto const digests = digests_of(render_php(service(), NodeLayout{}));
    CHECK(read_digests(write_digests(digests)) == digests);
    for (auto const* const text : {"", "x", "x y", "x y z", "\n", " \n", "x y\nz"})
        CHECK(read_digests(text) == PhpDigests{});
}

TEST_CASE("FPM is given its sockets in the order in which systemd opens them") {
    auto const files = render_php(service(), NodeLayout{});
    CHECK(
        holds(files.service, "FPM_SOCKETS=/run/genesis/php/acme/a.test.sock=3,/run/genesis/php/acme/b.test.sock=4\n"));
    CHECK(files.socket.find("ListenStream=/run/genesis/php/acme/a.test.sock") <
          files.socket.find("ListenStream=/run/genesis/php/acme/b.test.sock"));
}

TEST_CASE("no process of a tenant's PHP is ever root, and no tenant may connect to another's socket") {
    auto const files = render_php(service(), NodeLayout{});
    CHECK(holds(files.service, "\nUser=acme\n"));
    CHECK(holds(files.service, "\nNoNewPrivileges=yes\n"));
    CHECK(holds(files.service, "\nCapabilityBoundingSet=\n"));
    CHECK(holds(files.service, "\nProtectHome=tmpfs\n"));
    CHECK_FALSE(holds(files.config, "\nuser ="));
    CHECK(holds(files.socket, "\nSocketUser=root\nSocketGroup=www-data\nSocketMode=0660\n"));
}

TEST_CASE("a version of PHP that is not installed is refused by name") {
    if (!root()) return;
    Bench bench;
    bench.install("8.1");
    bench.install("7.4");
    auto const outcome = bench.apply(service());
    CHECK(outcome.how == Outcome::terminal);
    CHECK(outcome.why == "PHP 8.2 is not installed; there are: 7.4, 8.1");
}

TEST_CASE("the versions of PHP that are installed are those with an FPM, oldest first") {
    if (!root()) return;
    Bench bench;
    for (auto const* version : {"8.4", "7.4", "8.2", "8.2.old", ""}) bench.install(version);
    CHECK(installed_php(bench.settings.program_dir.str()) == std::vector<std::string>{"7.4", "8.2", "8.4"});
}

TEST_CASE("a PHP service without a site is refused, for FPM would not start") {
    if (!root()) return;
    Bench bench;
    bench.install("8.2");
    auto want = service();
    want.pools.clear();
    CHECK(bench.apply(want).how == Outcome::terminal);
}

TEST_CASE("files of the same name that are not ours keep their bytes") {
    if (!root()) return;
    Bench bench;
    bench.install("8.2");
    auto const units = host::Dir::make_all(bench.layout.units, {0, 0, 0755});
    units.write("genesis-php-acme-8.2.socket", "[Socket]\n", {0, 0, 0644});
    CHECK(bench.apply(service()).how == Outcome::retry);
    CHECK(units.read("genesis-php-acme-8.2.socket")->bytes == "[Socket]\n");
}

TEST_CASE("an empty directory of a configuration, which a crash leaves, is no conflict") {
    if (!root()) return;
    Bench bench;
    bench.install("8.2");
    host::Dir::make_all(bench.layout.php_configs(), {0, 0, 0711}).make("acme-8.2", {0, 0, 0700});
    CHECK(bench.apply(service()).how == Outcome::done);
    CHECK(host::Dir::open(bench.layout.php_configs()).look("acme-8.2/pools.conf"));
}

TEST_CASE("applying a PHP service twice writes once") {
    if (!root()) return;
    Bench bench;
    bench.install("8.2");
    REQUIRE(bench.apply(service()).how == Outcome::done);
    auto const config = host::Dir::open(bench.layout.php_configs());
    auto const before = config.look("acme-8.2/pools.conf");
    REQUIRE(before);
    REQUIRE(bench.apply(service()).how == Outcome::done);
    CHECK(config.look("acme-8.2/pools.conf") == before);
}

TEST_CASE("a changed setting of a pool leaves the bytes and the times of the units alone") {
    if (!root()) return;
    Bench bench;
    bench.install("8.2");
    REQUIRE(bench.apply(service()).how == Outcome::done);
    auto const units = host::Dir::open(bench.layout.units);
    auto const before = units.look("genesis-php-acme-8.2.service");
    auto changed = service();
    changed.pools[0].max_children = 17;
    REQUIRE(bench.apply(changed).how == Outcome::done);
    CHECK(units.look("genesis-php-acme-8.2.service") == before);
    CHECK(holds(host::Dir::open(bench.layout.php_configs()).read("acme-8.2/pools.conf")->bytes, "max_children = 17"));
}

TEST_CASE("whatever stands where a configuration's directory should be gives way to it") {
    if (!root()) return;
    Bench bench;
    bench.install("8.2");
    auto const config = host::Dir::make_all(bench.layout.php_configs(), {0, 0, 0711});
    config.write("acme-8.2", "", {0, 0, 0644});
    host::Dir::make_all(bench.layout.units, {0, 0, 0755})
        .write("genesis-php-acme-8.2.service", render_php(service(), bench.layout, bench.settings).service,
               {0, 0, 0644});
    REQUIRE(bench.apply(service()).how == Outcome::done);
    CHECK(config.look("acme-8.2/pools.conf"));
}
