// What was acknowledged is there: under many writers, after kill -9, after an upgrade.
#include "reconciler/store/migrations.hpp"
#include "reconciler/store/store_fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <array>
#include <csignal>
#include <set>
#include <thread>

namespace genesis {
namespace {

std::string name_of(int writer, int i) { return "w" + std::to_string(writer) + "n" + std::to_string(i); }

TEST_CASE("64 writers at once: every put is there, each with a uid of its own") {
    StoreFixture f;
    constexpr int writers = 64, each = 10;
    std::vector<std::thread> threads;
    std::atomic<int> created = 0;
    for (int w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            for (int i = 0; i < each; ++i)
                created += put(f.store(), account(name_of(w, i))).value().how == Wrote::created ? 1 : 0;
        });
    for (auto& t : threads) t.join();
    CHECK(created == writers * each);
    std::set<std::int64_t> uids;
    for (auto const& o : f.store().objects("account")) uids.insert(uid_of(o));
    CHECK(uids.size() == std::size_t{writers} * each);
}

TEST_CASE("the same put from many threads creates once and is unchanged for the others") {
    StoreFixture f;
    auto const spec = account_with_domain("acme", "acme.example");
    std::atomic<int> created = 0, unchanged = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 32; ++i)
        threads.emplace_back([&] {
            auto const how = put(f.store(), spec).value().how;
            ++(how == Wrote::created ? created : unchanged);
        });
    for (auto& t : threads) t.join();
    CHECK(created == 1);
    CHECK(unchanged == 31);
    CHECK(f.store().find({"account", "acme"})->generation == 1);
}

TEST_CASE("of many that claim one domain at the same time exactly one gets it") {
    StoreFixture f;
    std::atomic<int> got = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 32; ++i)
        threads.emplace_back([&, i] {
            got += put(f.store(), account_with_domain(name_of(1, i), "wanted.example")).has_value() ? 1 : 0;
        });
    for (auto& t : threads) t.join();
    CHECK(got == 1);
    CHECK(f.store().objects("account").size() == 1);
}

// Writes the name of each account to `out` once its put has returned, until it is killed.
[[noreturn]] void put_until_killed(StoreFixture& f, int out) {
    f.open();
    std::vector<std::thread> threads;
    for (int w = 0; w < 4; ++w)
        threads.emplace_back([&, w] {
            for (int i = 0;; ++i) {
                auto const name = name_of(w, i);
                if (!put(f.store(), account(name)).has_value()) continue;
                auto const line = name + "\n";
                if (::write(out, line.data(), line.size()) < 0) ::_exit(1);
            }
        });
    for (auto& t : threads) t.join();
    ::_exit(1);
}

std::vector<std::string> acknowledged_until_kill(StoreFixture& f, std::size_t count) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    f.close();  // no thread and no connection crosses the fork
    pid_t const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) put_until_killed(f, ends[1]);
    ::close(ends[1]);
    std::string said;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
        said.append(buffer.data(), static_cast<std::size_t>(n));
        if (static_cast<std::size_t>(std::count(said.begin(), said.end(), '\n')) >= count) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    std::vector<std::string> names;
    for (std::size_t at = 0, end = 0; (end = said.find('\n', at)) != std::string::npos; at = end + 1)
        names.push_back(said.substr(at, end - at));
    return names;
}

TEST_CASE("after kill -9 in the middle of writing, every acknowledged put is there") {
    for (std::size_t const count : {1U, 40U, 200U}) {
        StoreFixture f;
        auto const names = acknowledged_until_kill(f, count);
        f.open();
        CHECK(names.size() >= count);
        for (auto const& name : names) REQUIRE(f.store().find({"account", name}));
        std::set<std::int64_t> uids;
        auto const all = f.store().objects("account");
        for (auto const& o : all) uids.insert(uid_of(o));
        CHECK(uids.size() == all.size());
    }
}

TEST_CASE("an older schema is brought up to date step by step, a newer one and a file of another owner are refused") {
    StoreFixture f;
    f.close();
    auto const path = f.directory() + "/other.db";
    std::array<std::string_view, 1> const first{"CREATE TABLE a (x)"};
    std::array<std::string_view, 2> const second{"CREATE TABLE a (x)", "ALTER TABLE a ADD y; CREATE TABLE b (z)"};
    std::array<std::string_view, 3> const broken{second[0], second[1], "CREATE TABLE c (q); CREATE TABLE nonsense"};
    open_database(path, first).exec("INSERT INTO a VALUES (1)");
    CHECK(open_database(path, second).execAndGet("SELECT count(*) FROM a WHERE y IS NULL").getInt() == 1);
    CHECK_THROWS_WITH(open_database(path, first), Catch::Contains("newer Genesis"));
    CHECK_THROWS_AS(open_database(path, broken), Fault);
    CHECK(open_database(path, second).execAndGet("SELECT count(*) FROM sqlite_schema WHERE name = 'c'").getInt() == 0);

    auto const foreign = f.directory() + "/foreign.db";
    SQLite::Database(foreign, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE theirs (x)");
    CHECK_THROWS_WITH(open_database(foreign), Catch::Contains("another program"));
    CHECK_THROWS_AS(open_database(f.directory() + "/no/such/place.db"), Fault);
}

TEST_CASE("the store is opened so that a commit is on disk: WAL and full synchronisation") {
    StoreFixture f;
    auto db = open_database(f.path());
    CHECK(db.execAndGet("PRAGMA journal_mode").getString() == "wal");
    CHECK(db.execAndGet("PRAGMA synchronous").getInt() == 2);
    CHECK(db.execAndGet("PRAGMA application_id").getInt() == 0x474e5331);
}

}  // namespace
}  // namespace genesis
