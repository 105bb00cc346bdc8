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

constexpr int application_id = 0x474e5331;  // "GNS1", as file(1) can tell
constexpr int busy_milliseconds = 10000;

// SQLite counts what it allocates under one lock of the whole process, and nobody here asks for the count
// (sqlite.org/c3ref/c_config_covering_index_scan.html, SQLITE_CONFIG_MEMSTATUS). Only a process's first use can say so.
void count_no_memory() {
    static int const said = ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)said;
}

// SQLite gives its WAL the mode of the database, so the mode is set by whoever makes the file first.
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

// A node's mark "objects" rises in the transaction of whatever changes one of its objects, whoever writes it.
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

}  // namespace

std::span<std::string_view const> migrations() {
    static std::array const steps{schema_sql, count_changes};
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
