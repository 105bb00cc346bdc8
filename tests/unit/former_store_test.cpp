// The engine over a store that version 0.1.0 wrote: on a server where all is as its accounts want it, nothing is done.
#include "tests/support/bed.hpp"
#include "tests/support/golden.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <catch2/catch.hpp>

#include <filesystem>

using namespace genesis;
using namespace genesis::test;

namespace {

std::string const former = source_root() + "/tests/support/store_0_1_0", node = "web1";

void copy_of_former(std::string const& directory) {
    for (auto const* end : {"-wal", "-shm"}) std::filesystem::remove(directory + "/store.db" + end);
    for (auto const* name : {"store.db", "vault.key"}) {
        auto const to = directory + "/" + name;
        std::filesystem::copy_file(former + "/" + name, to, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::permissions(to, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
}

// What is wanted of the objects in it, by a copy of the store.
Desired wanted() {
    TmpRoot root;
    FakeClock const clock;
    copy_of_former(root.path());
    SqliteStore store(root / "store.db", node, Vault::open(root / "vault.key"), clock);
    Desired out({}, "local", object_kinds(), expanders());
    auto all = store.objects("");
    std::stable_sort(all.begin(), all.end(),
                     [&](auto const& a, auto const& b) { return out.rank(a.ref.kind) < out.rank(b.ref.kind); });
    for (auto const& object : all) out.upsert(object);
    return out;
}

// That it was once made and in sync, as version 0.1.0 wrote that down. The fixture has rows for a few, which stay.
void remember(std::string const& file, Desired const& desired) {
    SQLite::Database db(file, SQLite::OPEN_READWRITE);
    SQLite::Statement insert(db,
                             "INSERT OR IGNORE INTO records (node, kind, key, object_kind, object_name, "
                             "in_sync_generation, since) VALUES (?, ?, ?, ?, ?, ?, 1790000139442)");
    for (auto const& [object, wants] : desired.all())
        for (auto const& [record, value] : wants.records) {
            insert.reset();
            insert.bind(1, node);
            insert.bind(2, record.kind);
            insert.bind(3, record.key);
            insert.bind(4, object.kind);
            insert.bind(5, object.key);
            insert.bind(6, wants.subject.generation);
            insert.exec();
        }
}

// All but what nobody can read back.
json::object as_seen(Schema const& schema, json::object value) {
    for (auto const& f : schema.fields)
        if (has(f.attributes, Attribute::write_only)) value.erase(f.name);
    return value;
}

void make(MemoryWorld& world, std::vector<std::unique_ptr<AnyDriver>> const& drivers, Desired const& desired) {
    std::map<std::string, Schema const*, std::less<>> schemas;
    for (auto const& driver : drivers)
        for (auto const* schema : driver->kinds()) schemas.emplace(schema->kind, schema);
    for (auto const& [object, wants] : desired.all())
        for (auto const& [record, value] : wants.records)
            world.records[record] = as_seen(*schemas.at(record.kind), value.unpack());
}

struct Former {
    Desired const desired = wanted();
    Bed bed;
    Former() {
        bed.workers.reset();
        bed.reconciler.reset();
        bed.store.reset();
        bed.node = node;
        bed.clock.time = Time(std::chrono::milliseconds(1790000200000));  // soon after it was written
        copy_of_former(bed.root.path());
        remember(bed.root / "store.db", desired);
        make(bed.world, bed.drivers, desired);
        bed.restart();
        Actor operator_;
        bed.store->set_all_paused(false, operator_);  // it was: that would keep every step from being taken
    }
    [[nodiscard]] std::vector<Object> accounts() const { return bed.store->objects("account"); }
};

}  // namespace

TEST_CASE("on a server that is as the accounts of version 0.1.0 want it, nothing is done, and all become ready") {
    Former f;
    REQUIRE(f.accounts().size() == 100);
    REQUIRE(f.bed.world.records.size() > 1000);
    auto const history = f.bed.store->history({}, 0, 100000).size();
    for (int i = 0; i < 3; ++i) {
        auto const result = f.bed.pass();
        CHECK(result.full);
        CHECK(result.steps == 0);
        CHECK(result.held == 0);
    }
    CHECK(f.bed.world.calls.empty());
    CHECK(f.bed.store->history({}, 0, 100000).size() == history);
    std::size_t ready = 0;
    for (auto const& account : f.accounts()) {
        if (account.terminating) continue;
        INFO(account.ref.str());
        CHECK(f.bed.ready(account.ref));
        CHECK(f.bed.status(account.ref).observed_generation == account.generation);
        ++ready;
    }
    CHECK(ready == 98);
    CHECK_FALSE(f.bed.store->find({"account", "a131"}));  // was being purged, and nothing of it was left
}

TEST_CASE("what differs from an account of version 0.1.0 is seen and mended, and nothing else is touched") {
    Former f;
    f.bed.drift("unix_user", "a103", "shell", "/bin/sh");
    auto const result = f.bed.pass();
    CHECK(result.steps == 1);
    CHECK(f.bed.world.mutations == 1);
    f.bed.pass();
    CHECK(f.bed.ready({"account", "a103"}));
}
