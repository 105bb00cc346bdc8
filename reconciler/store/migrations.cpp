// The pragmas, the file's mark and the list of schema steps.
#include "reconciler/store/migrations.hpp"

#include "drivers/context.hpp"

#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>

namespace genesis {
namespace {

constexpr int application_id = 0x474e5331;  // "GNS1", as file(1) knows it
constexpr int busy_milliseconds = 10000;

// SQLite counts what it allocates under one lock of the whole process, and nobody here asks for the count
// (sqlite.org/c3ref/c_config_covering_index_scan.html, SQLITE_CONFIG_MEMSTATUS). Only a process's first use can say so.
void count_no_memory() {
    static int const said = ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)said;
}

// SQLite gives its WAL the mode of the database, so the mode is set when the file is first made.
void make_private(std::string const& path) {
    int const fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) throw Fault(path + ": the store cannot be opened");
    ::close(fd);
}

void set_pragmas(SQLite::Database& db, std::string const& path) {
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA foreign_keys = ON");
    db.exec("PRAGMA temp_store = MEMORY");
    db.exec("PRAGMA journal_size_limit = 16777216");
    db.exec("PRAGMA cache_size = -1024");  // KiB
    if (db.execAndGet("PRAGMA journal_mode").getString() != "wal" || db.execAndGet("PRAGMA synchronous").getInt() != 2)
        throw Fault(path + ": the store cannot be made durable here (WAL with full synchronisation)");
}

void claim_file(SQLite::Database& db, std::string const& path) {
    int const mark = db.execAndGet("PRAGMA application_id").getInt();
    if (mark == application_id) return;
    bool const empty = db.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
    if (mark != 0 || !empty) throw Fault(path + ": this is another program's database");
    db.exec("PRAGMA application_id = " + std::to_string(application_id));
}

std::size_t version_of(SQLite::Database& db) {
    return static_cast<std::size_t>(db.execAndGet("PRAGMA user_version").getInt());
}

// False once there is nothing left to do.
bool step(SQLite::Database& db, std::string const& path, std::span<std::string_view const> steps) {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    auto const version = version_of(db);
    if (version > steps.size())
        throw Fault(path + ": the store has schema " + std::to_string(version) + ", this program knows up to " +
                    std::to_string(steps.size()) + "; a newer Genesis wrote it");
    if (version == steps.size()) return false;
    db.exec(std::string(steps[version]));
    db.exec("PRAGMA user_version = " + std::to_string(version + 1));
    transaction.commit();
    return true;
}

// A node's mark "objects" rises in every transaction that changes one of its objects.
constexpr std::string_view count_changes = R"sql(
CREATE TRIGGER object_inserted AFTER INSERT ON objects BEGIN
    INSERT INTO marks (node, name, value) VALUES (NEW.node, 'objects', 1)
        ON CONFLICT (node, name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER object_updated AFTER UPDATE ON objects BEGIN
    INSERT INTO marks (node, name, value) VALUES (NEW.node, 'objects', 1)
        ON CONFLICT (node, name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER object_deleted AFTER DELETE ON objects BEGIN
    INSERT INTO marks (node, name, value) VALUES (OLD.node, 'objects', 1)
        ON CONFLICT (node, name) DO UPDATE SET value = value + 1;
END;
)sql";

// What refers to what, for every kind alike: from then on no column names a kind.
constexpr std::string_view refer = R"sql(
CREATE TABLE object_references (
    node TEXT NOT NULL,
    from_kind TEXT NOT NULL,
    from_name TEXT NOT NULL,
    to_kind TEXT NOT NULL,
    to_name TEXT NOT NULL,
    PRIMARY KEY (node, from_kind, from_name, to_kind, to_name)
) WITHOUT ROWID;
CREATE INDEX references_by_target ON object_references (node, to_kind, to_name);
INSERT INTO object_references SELECT node, kind, name, 'package', package FROM objects WHERE package <> '';
DROP INDEX objects_by_package;
ALTER TABLE objects DROP COLUMN package;
)sql";

// Numbers and host names become allocations of their spaces. A value is a number or a text, hence no type; '' where
// nothing could be given, and `why` says why. `sharer` is empty where nobody else may have the value, else it says
// apart who shares it. `quarantine`: milliseconds for which it is kept back once released; null: for ever. Host names
// have their labels reversed (example.acme.www, example.acme.*), so that what is beneath a name is one range.
constexpr std::string_view allocate_all = R"sql(
CREATE TABLE allocations (
    node TEXT NOT NULL,
    space TEXT NOT NULL,
    value NOT NULL,
    sharer TEXT NOT NULL,
    slot TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0,
    pool TEXT NOT NULL DEFAULT '',
    since INTEGER NOT NULL,
    released_at INTEGER,
    quarantine INTEGER,
    why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (node, space, value, sharer)
) WITHOUT ROWID;
CREATE INDEX allocations_by_object ON allocations (node, kind, name, slot) WHERE released_at IS NULL;
CREATE INDEX allocations_quarantined ON allocations (node)
    WHERE released_at IS NOT NULL AND quarantine IS NOT NULL;
CREATE INDEX allocations_missing ON allocations (node) WHERE why <> '';
INSERT INTO allocations (node, space, value, sharer, slot, kind, name, since, released_at, quarantine)
    SELECT n.node, n.space, n.number, '', n.space, n.kind, n.name, coalesce(o.created, n.released_at, 0),
           n.released_at, NULL
    FROM numbers n LEFT JOIN objects o
        ON o.node = n.node AND o.kind = n.kind AND o.name = n.name AND n.released_at IS NULL;
INSERT INTO allocations (node, space, value, sharer, slot, kind, name, since, quarantine)
    SELECT d.node, 'domain', d.reversed, '', '', d.kind, d.name, coalesce(o.changed, 0), 0
    FROM domains d LEFT JOIN objects o ON o.node = d.node AND o.kind = d.kind AND o.name = d.name;
DROP TABLE numbers;
DROP TABLE domains;
)sql";

// Records remember the hash of the value they were in sync with, no longer their object's generation. 1 stands for "as
// was wanted when this was migrated", whose hash is not known here; 2 for an earlier value.
constexpr std::string_view remember_values = R"sql(
ALTER TABLE records RENAME COLUMN in_sync_generation TO in_sync_value;
ALTER TABLE records RENAME COLUMN refused_generation TO refused_value;
UPDATE records SET refused_value = 0, in_sync_value = CASE
    WHEN in_sync_value = 0 THEN 0
    WHEN in_sync_value = (SELECT generation FROM objects o
        WHERE o.node = records.node AND o.kind = records.object_kind AND o.name = records.object_name) THEN 1
    ELSE 2 END;
)sql";

}  // namespace

std::span<std::string_view const> migrations() {
    static std::array const steps{schema_sql, count_changes, refer, allocate_all, remember_values};
    return steps;
}

SQLite::Database open_database(std::string const& path, std::span<std::string_view const> steps) {
    make_private(path);
    count_no_memory();
    try {
        SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_milliseconds);
        claim_file(db, path);
        set_pragmas(db, path);
        while (step(db, path, steps)) continue;
        return db;
    } catch (SQLite::Exception const& e) {
        throw Fault(path + ": " + e.what());
    }
}

}  // namespace genesis
