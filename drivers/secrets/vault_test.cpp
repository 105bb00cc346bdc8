// What the vault promises: nothing leaks, nothing moves, and a bad key is refused.
#include "drivers/secrets/vault.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace genesis {
namespace {

struct TempDir {
    std::string path;
    TempDir() {
        char name[] = "/tmp/genesis-vault-XXXXXX";
        path = ::mkdtemp(name);
    }
    TempDir(TempDir const&) = delete;
    TempDir& operator=(TempDir const&) = delete;
    ~TempDir() { std::filesystem::remove_all(path); }
};

void put(std::string const& path, std::string const& bytes, mode_t mode) {
    int const fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    REQUIRE(::fchmod(fd, mode) == 0);
    ::close(fd);
}

bool skipped() {
    if (::geteuid() == 0) return false;
    WARN("skipped: needs root");
    return true;
}

Vault vault(char first = 'a') {
    std::string key(32, 'k');
    key[0] = first;
    return Vault::with_key(Secret(key));
}

TEST_CASE("what was sealed unseals to the same bytes, also when empty, long or binary") {
    auto const v = vault();
    for (std::string const& clear :
         {std::string(), std::string("hunter2"), std::string(100000, 'x'), std::string("\0\xff\n", 3)})
        CHECK(v.unseal(v.seal(Secret(clear), "account/acme/x"), "account/acme/x").reveal() == clear);
}

TEST_CASE("a sealed text shows nothing of the secret and is never the same twice") {
    auto const v = vault();
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        auto const sealed = v.seal(Secret("correct horse battery staple"), "a");
        CHECK(sealed.find("horse") == std::string::npos);
        CHECK(sealed.starts_with("v1:"));
        CHECK(seen.insert(sealed).second);
    }
}

TEST_CASE("a sealed text does not unseal in another place or under another key") {
    auto const sealed = vault().seal(Secret("s3cret"), "account/acme/databases/shop");
    CHECK_THROWS_AS(vault().unseal(sealed, "account/evil/databases/shop"), Fault);
    CHECK_THROWS_AS(vault().unseal(sealed, ""), Fault);
    CHECK_THROWS_AS(vault('b').unseal(sealed, "account/acme/databases/shop"), Fault);
}

TEST_CASE("a sealed text with any one character changed, cut or added does not unseal") {
    auto const v = vault();
    auto const sealed = v.seal(Secret("s3cret"), "a");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK_THROWS_AS(v.unseal(changed, "a"), Fault);
        CHECK_THROWS_AS(v.unseal(sealed.substr(0, i), "a"), Fault);
    }
    for (auto const* text : {"", "v1:", "v2:AAAA", "v1:====", "v1:A", "v1:\n\n\n\n"})
        CHECK_THROWS_AS(v.unseal(text, "a"), Fault);
    CHECK_THROWS_AS(v.unseal(sealed + "AAAA", "a"), Fault);
    CHECK_THROWS_AS(v.unseal(sealed + "\n", "a"), Fault);
}

TEST_CASE("generated secrets are letters and digits, all of them equally often, and never repeat") {
    std::array<int, 256> count{};
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) {
        auto const secret = Vault::generate(31);
        REQUIRE(secret.reveal().size() == 31);
        CHECK(seen.insert(secret.reveal()).second);
        for (char const c : secret.reveal()) ++count[static_cast<unsigned char>(c)];
    }
    double chi2 = 0;  // 61 degrees of freedom: above 130 about once in a million
    for (int c = 0; c < 256; ++c) {
        bool const wanted = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!wanted) CHECK(count[static_cast<std::size_t>(c)] == 0);
        double const off = count[static_cast<std::size_t>(c)] - 1000.0;
        if (wanted) chi2 += off * off / 1000.0;
    }
    CHECK(chi2 < 130);
    CHECK(Vault::generate().reveal().size() == 24);
    CHECK(Vault::generate(0).empty());
}

TEST_CASE("the first start makes a key that only root reads, and later starts use the same one") {
    if (skipped()) return;
    TempDir const dir;
    auto const path = dir.path + "/state/master.key";
    auto const sealed = Vault::open(path).seal(Secret("s"), "a");
    struct stat st {};
    REQUIRE(::stat(path.c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0600);
    CHECK(st.st_size == 32);
    CHECK(Vault::open(path, Vault::WhenMissing::refuse).unseal(sealed, "a").reveal() == "s");
}

TEST_CASE("a missing key is not replaced once something is sealed") {
    if (skipped()) return;
    TempDir const dir;
    CHECK_THROWS_AS(Vault::open(dir.path + "/master.key", Vault::WhenMissing::refuse), Fault);
    CHECK(::access((dir.path + "/master.key").c_str(), F_OK) != 0);
}

TEST_CASE("a key that is short, long, constant, readable by others or a link is refused and left as it is") {
    if (skipped()) return;
    TempDir const dir;
    auto const path = dir.path + "/master.key";
    std::string const good = "0123456789abcdef0123456789abcdef";
    put(path, good, 0600);
    CHECK_NOTHROW(Vault::open(path));
    for (auto const& bad : {std::string(), good.substr(1), good + "\n", std::string(32, '\0'), std::string(32, 'A')}) {
        put(path, bad, 0600);
        CHECK_THROWS_AS(Vault::open(path), Fault);
    }
    for (mode_t const mode : {0640U, 0604U, 0666U, 0620U}) {
        put(path, good, mode);
        CHECK_THROWS_AS(Vault::open(path), Fault);
    }
    put(path, good, 0600);
    REQUIRE(::chown(path.c_str(), 1, 0) == 0);
    CHECK_THROWS_AS(Vault::open(path), Fault);
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
    std::filesystem::rename(path, dir.path + "/real");
    std::filesystem::create_symlink(dir.path + "/real", path);
    CHECK_THROWS_AS(Vault::open(path), Fault);
}

}  // namespace
}  // namespace genesis
