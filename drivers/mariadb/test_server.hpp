// For the driver's tests: a server that may be played with, its tenants, and steps made short.
// It is real, and there only where GENESIS_TEST_MARIADB names its socket (in the lab).
#pragma once
#include "drivers/mariadb/driver.hpp"

#include "drivers/mariadb/look.hpp"
#include "drivers/mariadb/sql.hpp"

#include <mysql.h>

#include <catch2/catch.hpp>

#include <cstdlib>
#include <optional>

namespace genesis::server_test {

using mariadb::Session;

struct RealClock final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};
struct NoLog final : Log {
    void write(Level, std::string_view, Fields) override {}
};

inline std::string const& test_socket() {
    static std::string const path = [] {
        auto const* given = std::getenv("GENESIS_TEST_MARIADB");  // NOLINT(concurrency-mt-unsafe)
        return std::string(given != nullptr ? given : "");
    }();
    return path;
}
inline bool skipped() {
    if (!test_socket().empty()) return false;
    WARN("skipped: GENESIS_TEST_MARIADB names no server");
    return true;
}

template <class V>
Step<V> create(V want) {
    return {.verb = Verb::create, .want = std::move(want), .have = {}, .changes = {}};
}
template <class V>
Step<V> update(V want, V have) {
    return {.verb = Verb::update, .want = std::move(want), .have = std::move(have), .changes = {}};
}
template <class V>
Step<V> remove(V have) {
    return {.verb = Verb::remove, .want = {}, .have = std::move(have), .changes = {}};
}

inline DbUser user_of(std::string name, std::string const& password, bool locked = false) {
    return {.name = std::move(name), .password_hash = native_password_hash(Secret(password)), .locked = locked};
}
inline Database database_of(std::string name, std::string_view owner) {
    return {
        .name = std::move(name), .owner = AccountName(owner), .charset = "utf8mb4", .collation = "utf8mb4_general_ci"};
}
inline Grant grant_of(std::string const& user, std::string const& database, std::vector<std::string> privileges) {
    return {.name = user + "@" + database, .user = user, .database = database, .privileges = std::move(privileges)};
}

// A tenant's connection, as PHP would open it.
struct Tenant {
    MYSQL* handle = mysql_init(nullptr);
    bool in = false;
    Tenant(std::string const& user, std::string const& password) {
        in = mysql_real_connect(handle, nullptr, user.c_str(), password.c_str(), nullptr, 0, test_socket().c_str(),
                                0) != nullptr;
    }
    Tenant(Tenant const&) = delete;
    Tenant& operator=(Tenant const&) = delete;
    ~Tenant() { mysql_close(handle); }
    bool may(std::string const& statement) {
        if (!in || mysql_real_query(handle, statement.data(), statement.size()) != 0) return false;
        if (auto* result = mysql_store_result(handle)) mysql_free_result(result);
        return true;
    }
};

// A server that has nothing of ours before and after each test.
struct ServerFixture {
    RealClock clock;
    NoLog log;
    Context context{.stop = {},
                    .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60),
                    .clock = clock,
                    .log = log};
    mariadb::Settings settings{.socket = test_socket(), .user = "root"};
    MariadbDriver driver{settings};
    ServerFixture() { sweep(); }
    ServerFixture(ServerFixture const&) = delete;
    ServerFixture& operator=(ServerFixture const&) = delete;
    ~ServerFixture() { sweep(); }
    void sweep() {
        Session root(settings, context);
        for (auto const& row :
             root.query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN "
                        "('mysql','sys','information_schema','performance_schema')")
                 .rows)
            root.run("DROP DATABASE " + mariadb::identifier(*row[0]));
        for (auto const& row : root.query("SELECT User, Host FROM mysql.global_priv WHERE User LIKE '%\\_%'").rows)
            root.run("DROP USER " + mariadb::literal(*row[0]) + "@" + mariadb::literal(*row[1]));
    }
    void root(std::string const& statement) { Session(settings, context).run(statement); }
    template <class V>
    Outcome one(Step<V> const& step) {
        auto outcomes = driver.apply(std::span<Step<V> const>(&step, 1), context);
        REQUIRE(outcomes.size() == 1);
        return outcomes.front();
    }
    template <class V>
    void must(Step<V> const& step) {
        auto const outcome = one(step);
        CAPTURE(outcome.why);
        REQUIRE(outcome.how == Outcome::done);
    }
    template <class V>
    std::optional<V> see(std::string const& key, bool scoped = true) {
        for (auto const& v : driver.observe(Of<V>{}, scoped ? Scope{{key}} : Scope{}, context).found)
            if (key_of(schema_of<V>(), encode(v)) == key) return v;
        return std::nullopt;
    }
    // What the engine would still have to do to get from the real world to `want`.
    template <class V>
    std::size_t differences(V const& want) {
        auto const have = see<V>(key_of(schema_of<V>(), encode(want)), false);
        return have ? diff(schema_of<V>(), encode(want), encode(*have)).size() : 999;
    }
    std::string cell(std::string const& query) {
        auto const table = Session(settings, context).query(query);
        return table.rows.empty() ? "" : table.rows[0][0].value_or("NULL");
    }
    void standard(std::string const& account, std::string const& name = "shop") {
        must(create(database_of(account + "_" + name, account)));
        must(create(user_of(account + "_web", "pw-of-" + account)));
        must(create(grant_of(account + "_web", account + "_" + name, all_database_privileges())));
    }
};

}  // namespace genesis::server_test
