// A store that version 0.1.0 wrote comes up unchanged, or not at all. tests/support/store_0_1_0 was made with the code
// of that version (commit b973ac9): 100 accounts in every state, and expected.json, which is what that version itself
// said was in it.
#include "reconciler/store/migrations.hpp"

#include "reconciler/store/store_fixture.hpp"
#include "tests/support/golden.hpp"

#include <SQLiteCpp/Statement.h>

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <csignal>

namespace genesis {
namespace {

std::string const former = test::source_root() + "/tests/support/store_0_1_0";

struct Copy : StoreFixture {
    Copy() {
        close();
        std::filesystem::copy_file(former + "/store.db", file());
        std::filesystem::permissions(file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    [[nodiscard]] std::string file() const { return directory() + "/old.db"; }
};

json::value when(std::optional<Time> const& t) {
    return t ? json::value(std::int64_t{t->time_since_epoch().count()}) : json::value(nullptr);
}

json::array rows_of(std::string const& path, std::string const& sql) {
    SQLite::Database db(path, SQLite::OPEN_READONLY);
    SQLite::Statement query(db, sql);
    json::array out;
    while (query.executeStep()) {
        json::array row;
        for (int i = 0; i < query.getColumnCount(); ++i) {
            auto const c = query.getColumn(i);
            row.push_back(c.isNull()      ? json::value(nullptr)
                          : c.isInteger() ? json::value(std::int64_t{c.getInt64()})
                                          : json::value(c.getString()));
        }
        out.push_back(std::move(row));
    }
    return out;
}

json::value shown(Object const& o) {
    return {{"ref", o.ref.str()},
            {"generation", o.generation},
            {"spec", o.spec},
            {"source", o.source},
            {"request", o.request},
            {"paused", o.paused},
            {"adopt", o.adopt},
            {"confirmed_generation", o.confirmed_generation},
            {"terminating", when(o.terminating)},
            {"purge", o.purge},
            {"numbers", Codec<std::map<std::string, std::int64_t>>::to_json(numbers_of(o.allocations))},
            {"observed_generation", o.observed_generation},
            {"conditions", Codec<std::vector<Condition>>::to_json(o.conditions)},
            {"created", when(o.created)},
            {"changed", when(o.changed)}};
}
json::value shown(RecordState const& r) {
    return {{"ref", r.ref.str()},         {"object", r.object.str()}, {"in_sync", r.in_sync_value},
            {"refused", r.refused_value}, {"attempts", r.attempts},   {"next", when(r.next_attempt)},
            {"error", r.error},           {"since", when(r.since)}};
}
json::value shown(HistoryEntry const& h) {
    return {{"id", h.id},           {"at", when(h.at)}, {"object", h.object.str()}, {"ref", h.ref.str()},
            {"verb", h.verb},       {"cause", h.cause}, {"request", h.request},     {"changes", h.changes},
            {"outcome", h.outcome}, {"why", h.why}};
}
json::value shown(ApiKey const& k) {
    return {{"kid", k.kid},
            {"version", k.version},
            {"secret", k.secret.reveal()},
            {"scopes", Codec<std::vector<std::string>>::to_json(k.scopes)},
            {"cidrs", Codec<std::vector<std::string>>::to_json(k.cidrs)},
            {"comment", k.comment},
            {"created", when(k.created)},
            {"not_before", when(k.not_before)},
            {"expires", when(k.expires)},
            {"revoked", when(k.revoked)}};
}
json::value shown(AuditEntry const& a) {
    return {{"id", a.id},
            {"at", when(a.at)},
            {"who", a.who},
            {"from", a.from},
            {"request", a.request},
            {"action", a.action},
            {"object", a.object.str()},
            {"generation", a.generation},
            {"changes", a.changes.size()}};
}
json::value shown(Event const& e) { return describe(e); }

template <class T>
json::array all(std::vector<T> const& of) {
    json::array out;
    for (auto const& one : of) out.push_back(shown(one));
    return out;
}

// The same, through today's store.
json::object contents(SqliteStore& store, std::string const& path) {
    json::object out;
    out["objects"] = all(store.objects(""));
    out["records"] = all(store.records());
    out["history"] = all(store.history({}, 0, 100000));
    out["keys"] = all(store.keys());
    out["audit"] = all(store.audit(0, 100000));
    out["events"] = all(store.events(0, 100000));
    out["domains"] = rows_of(path, "SELECT value, kind, name FROM allocations WHERE space = 'domain' ORDER BY 1");
    out["uids"] =
        rows_of(path, "SELECT value, kind, name, released_at FROM allocations WHERE space = 'uid' ORDER BY 1");
    out["packages"] = rows_of(path, "SELECT from_kind, from_name, to_name FROM object_references ORDER BY 1, 2");
    out["marks"] = rows_of(path, "SELECT name, value FROM marks ORDER BY 1");
    out["credentials"] = rows_of(path, "SELECT kind, name, label FROM credentials ORDER BY 1, 2, 3");
    out["nonces"] = rows_of(path, "SELECT ts, kid, nonce FROM nonces ORDER BY 1, 2, 3");
    return out;
}

void comes_up(std::string const& path, Clock const& clock) {
    SqliteStore store(path, "web1", Vault::with_key(Secret(test::read_file(former + "/vault.key"))), clock);
    auto const found = contents(store, path);
    auto const expected = json::parse(test::read_file(former + "/expected.json")).as_object();
    REQUIRE(expected.at("uids").as_array().size() == 103);
    REQUIRE(found.size() == expected.size());
    for (auto const& section : expected) {
        INFO(section.key());
        auto const& want = section.value().as_array();
        auto const& have = found.at(section.key()).as_array();
        REQUIRE(have.size() == want.size());
        for (std::size_t i = 0; i < want.size(); ++i) REQUIRE(json::serialize(have[i]) == json::serialize(want[i]));
    }
}

// All that is in a file, its schema included.
std::string bytes_of(std::string const& path) {
    auto out = json::serialize(rows_of(path, "SELECT name, sql FROM sqlite_schema ORDER BY 1"));
    for (auto const& table : rows_of(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1"))
        out += json::serialize(rows_of(path, "SELECT * FROM " + std::string(table.at(0).as_string())));
    return out + json::serialize(rows_of(path, "PRAGMA user_version"));
}

// The steps of today, the one after the first two with `last` put after its nth statement.
std::vector<std::string> cut(std::size_t step, std::size_t statement, std::string const& last) {
    std::vector<std::string> out;
    for (auto const sql : migrations()) out.emplace_back(sql);
    std::size_t at = 0;
    for (std::size_t n = 0; n < statement && at != std::string::npos; ++n) at = out[step].find(";\n", at + 1);
    if (at == std::string::npos) return {};
    out[step].insert(at == 0 ? 0 : at + 1, last);
    out.resize(step + 1);
    return out;
}

void open_with(std::string const& path, std::vector<std::string> const& steps) {
    std::vector<std::string_view> const views(steps.begin(), steps.end());
    open_database(path, views);
}

void die(sqlite3_context*, int, sqlite3_value**) { ::kill(::getpid(), SIGKILL); }
int knows_how_to_die(sqlite3* db, char**, sqlite3_api_routines const*) {
    return sqlite3_create_function(db, "die", 0, SQLITE_UTF8, nullptr, die, nullptr, nullptr);
}

void killed_in(std::string const& path, std::vector<std::string> const& steps) {
    pid_t const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(knows_how_to_die));
        open_with(path, steps);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

TEST_CASE("a store of version 0.1.0 with 100 accounts comes up with all that was in it") {
    Copy f;
    comes_up(f.file(), f.clock);
    comes_up(f.file(), f.clock);  // as it is from then on
}

TEST_CASE("a migration that fails or is killed after any of its statements leaves the former version whole") {
    Copy f;
    std::size_t cuts = 0;
    for (std::size_t step = 2; step < migrations().size(); ++step) {
        auto const before = bytes_of(f.file());
        for (std::size_t n = 0;; ++n) {
            auto const steps = cut(step, n, "SELECT die();");
            if (steps.empty()) break;
            INFO("step " << step << ", after statement " << n);
            CHECK_THROWS_AS(open_with(f.file(), steps), Fault);  // here nothing is called die
            CHECK(bytes_of(f.file()) == before);
            killed_in(f.file(), steps);
            CHECK(bytes_of(f.file()) == before);
            ++cuts;
        }
        open_with(f.file(), cut(step, 0, ""));
    }
    CHECK(cuts > 12);
    comes_up(f.file(), f.clock);
}

TEST_CASE("what was taken and given in a store of version 0.1.0 still is") {
    Copy f;
    SqliteStore store(f.file(), "web1", Vault::with_key(Secret(test::read_file(former + "/vault.key"))), f.clock);
    auto const taken = put(store, account_with_domain("newcomer", "a101.example")).error();
    CHECK(taken.code == "domain_taken");
    CHECK(put(store, account_with_domain("newcomer", "x.apps.a105.example")).has_error());  // beneath a wildcard
    CHECK(put(store, account_with_domain("newcomer", "a100.example")).value().how == Wrote::created);  // forgotten
    CHECK(uid_of(*store.find({"account", "newcomer"})) == 20103);
    auto const refusal = store.remove({"package", "gold"}, std::nullopt, "api").error();
    CHECK(refusal.code == "in_use");
    store.forget({"account", "newcomer"});
    CHECK(put(store, account_with_domain("other", "a100.example")).has_value());
    CHECK(uid_of(*store.find({"account", "other"})) == 20104);
}

}  // namespace
}  // namespace genesis
