// What the TLS driver promises, on real files in a temporary folder.
#include "drivers/tls/driver.hpp"

#include "drivers/tls/self_signed.hpp"
#include "resources/schema/digest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

using namespace genesis;

namespace {

struct FixedClock final : Clock {
    Time at = Time(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23));
    [[nodiscard]] Time now() const override { return at; }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};
struct NoLog final : Log {
    void write(Level /*level*/, std::string_view /*message*/, Fields /*fields*/) override {}
};

// A root of its own, a driver on it, and the toy engine that a pass is.
struct Bench {
    FixedClock clock;
    NoLog log;
    Context context{{}, std::chrono::steady_clock::now() + std::chrono::minutes(1), clock, log};
    std::string path = [] {
        std::string name = "/tmp/genesis-tls-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw Fault("mkdtemp");
        return name;
    }();
    TlsDriver driver{NodeLayout{.config = path}};

    Bench() = default;
    Bench(Bench const&) = delete;
    Bench& operator=(Bench const&) = delete;
    ~Bench() {
        auto const [parent, name] = host::split(path);
        host::Dir::open(parent).remove_tree(name, context);
    }
    Observed<Certificate> look() { return driver.observe({}, {}, context); }
    Outcome pass(Certificate const& want) {
        auto const seen = look();
        Step<Certificate> step{Verb::create, want, {}, {}};
        for (auto const& found : seen.found) {
            if (found.name != want.name) continue;
            step = {Verb::update, want, found, diff(schema_of<Certificate>(), encode(want), encode(found))};
            if (step.changes.empty()) return {};
        }
        return driver.apply(std::span(&step, 1), context).front();
    }
    bool quiet(Certificate const& want) {
        auto const seen = look();
        return seen.found.size() == 1 &&
               diff(schema_of<Certificate>(), encode(want), encode(seen.found.front())).empty();
    }
    [[nodiscard]] host::Dir dir(std::string const& name) const { return host::Dir::open(path + "/tls/" + name); }
};

Certificate self_signed() {
    Certificate want;
    want.name = Domain("a.test");
    want.names = {DomainPattern("*.a.test"), DomainPattern("a.test")};
    return want;
}
Certificate supplied(MadePair const& pair) {
    Certificate want;
    want.name = Domain("a.test");
    want.source = CertificateSource::supplied;
    want.chain = Pem::checked(pair.chain);
    want.key = Secret(pair.key);
    want.chain_digest = sha256(pair.chain);
    want.key_digest = sha256(pair.key);
    return want;
}
bool root() {
    if (::geteuid() == 0) return true;
    WARN("needs root: skipped");
    return false;
}

}  // namespace

TEST_CASE("a self-signed certificate is made once, for all its names, and then left alone") {
    if (!root()) return;
    Bench bench;
    auto const want = self_signed();
    REQUIRE(bench.pass(want).how == Outcome::done);
    REQUIRE(bench.quiet(want));
    auto const before = bench.dir("a.test").look("key.pem");
    bench.pass(want);
    CHECK(bench.dir("a.test").look("key.pem") == before);
    CHECK(before->owner.mode == 0600);
}

TEST_CASE("every damage to a certificate's files is seen and repaired in one pass") {
    if (!root()) return;
    auto const damage = GENERATE(0, 1, 2, 3, 4, 5);
    Bench bench;
    auto const want = self_signed();
    bench.pass(want);
    auto const dir = bench.dir("a.test");
    auto const chain = dir.read("chain.pem")->bytes;
    if (damage == 0) dir.remove("chain.pem");
    if (damage == 1) dir.remove("key.pem");
    if (damage == 2) dir.write("chain.pem", "", {0, 0, 0644});
    if (damage == 3) REQUIRE(::fchmodat(dir.fd(), "key.pem", 0666, 0) == 0);
    if (damage == 4) dir.write("chain.pem", chain.substr(0, chain.size() - 60), {0, 0, 0644});
    if (damage == 5)
        dir.write("key.pem", make_self_signed({"a.test"}, bench.clock.at, std::chrono::days(9)).key, {0, 0, 0600});
    REQUIRE_FALSE(bench.quiet(want));
    REQUIRE(bench.pass(want).how == Outcome::done);
    CHECK(bench.quiet(want));
}

TEST_CASE("a wrong mode is corrected without a new key") {
    if (!root()) return;
    Bench bench;
    auto const want = self_signed();
    bench.pass(want);
    auto const key = bench.dir("a.test").read("key.pem")->bytes;
    REQUIRE(::fchmodat(bench.dir("a.test").fd(), "key.pem", 0644, 0) == 0);
    bench.pass(want);
    CHECK(bench.dir("a.test").read("key.pem")->bytes == key);
    CHECK(bench.quiet(want));
}

TEST_CASE("a self-signed certificate is renewed in its last thirty days") {
    if (!root()) return;
    Bench bench;
    auto const want = self_signed();
    bench.pass(want);
    bench.clock.at += std::chrono::days(794);
    CHECK(bench.quiet(want));
    bench.clock.at += std::chrono::days(2);
    CHECK(bench.look().found.front().files == "expires in 29 days");
    bench.pass(want);
    CHECK(bench.quiet(want));
}

TEST_CASE("a supplied pair is stored as given, and one that does not match is refused") {
    if (!root()) return;
    Bench bench;
    auto const one = make_self_signed({"a.test"}, bench.clock.at, std::chrono::days(9));
    auto const other = make_self_signed({"a.test"}, bench.clock.at, std::chrono::days(9));
    auto const want = supplied(one);
    REQUIRE(bench.pass(want).how == Outcome::done);
    CHECK(bench.quiet(want));
    auto const mixed = bench.pass(supplied({one.chain, other.key, {}, {}}));
    CHECK(mixed.how == Outcome::terminal);
    CHECK(mixed.why == "the key does not match the certificate");
    CHECK(bench.pass(supplied({one.key, one.key, {}, {}})).why == "chain.pem is not a certificate");
    CHECK(bench.quiet(want));
}

TEST_CASE("a note of trust that was copied to another pair is not believed") {
    if (!root()) return;
    Bench bench;
    auto const want = self_signed();
    bench.pass(want);
    auto const dir = bench.dir("a.test");
    for (auto const* const name : {"chain.pem", "key.pem"}) {
        auto bytes = dir.read(name)->bytes;
        bytes[bytes.size() - 60] = bytes[bytes.size() - 60] == 'A' ? 'B' : 'A';
        dir.write(name, bytes, dir.look(name)->owner);
    }
    CHECK_FALSE(bench.quiet(want));
    bench.pass(want);
    CHECK(bench.quiet(want));
}

TEST_CASE("a key behind a passphrase is refused without asking for it") {
    auto const pair = make_self_signed({"a.test"}, Time{}, std::chrono::days(9));
    auto const read = host::PairReader().read(
        pair.chain, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n-----END ENCRYPTED PRIVATE KEY-----\n");
    CHECK(read.why == "key.pem is not a private key, or one behind a passphrase");
}

TEST_CASE("a directory that is not ours is reported and its bytes stay") {
    if (!root()) return;
    Bench bench;
    auto const dir = host::Dir::make_all(bench.path + "/tls/a.test", {0, 0, 0755});
    dir.write("chain.pem", "somebody's\n", {0, 0, 0644});
    auto const seen = bench.look();
    REQUIRE(seen.unmanaged.size() == 1);
    CHECK(seen.found.empty());
    CHECK(bench.pass(self_signed()).how == Outcome::retry);
    CHECK(dir.read("chain.pem")->bytes == "somebody's\n");
}

TEST_CASE("a removed certificate leaves nothing behind") {
    if (!root()) return;
    Bench bench;
    bench.pass(self_signed());
    Step<Certificate> const step{Verb::remove, {}, bench.look().found.front(), {}};
    for (int i = 0; i < 2; ++i)
        CHECK(bench.driver.apply(std::span(&step, 1), bench.context).front().how == Outcome::done);
    CHECK_FALSE(host::Dir::open(bench.path + "/tls").look("a.test"));
}
