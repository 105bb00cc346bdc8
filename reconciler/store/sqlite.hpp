// The four ports on one SQLite file, for a server that keeps all of them itself.
#pragma once
#include "reconciler/store/sqlite_keys.hpp"
#include "reconciler/store/sqlite_ledger.hpp"
#include "reconciler/store/sqlite_objects.hpp"

namespace genesis {

struct StoreDatabaseOwner {
    StoreDatabase database;
};

class SqliteStore final : private StoreDatabaseOwner,
                          public SqliteTrail,
                          public SqliteKeys,
                          public SqliteLedger,
                          public SqliteObjects {
public:
    // Opens or makes the file, brings its schema up to date and closes the history of a daemon that died. Throws Fault.
    SqliteStore(std::string const& path, std::string node, Vault vault, Clock const& clock,
                Ranges ranges = server_ranges(), std::span<ObjectKind const> kinds = object_kinds(),
                NamesBeneath beneath = NamesBeneath::refused)
        : StoreDatabaseOwner{{path, std::move(node), clock}},
          SqliteTrail(database),
          SqliteKeys(database, *this, vault),
          SqliteLedger(database),
          SqliteObjects(database, *this, std::move(vault), std::move(ranges), kinds, beneath) {}
    ~SqliteStore() override { database.close(); }
    SqliteStore(SqliteStore const&) = delete;
    SqliteStore& operator=(SqliteStore const&) = delete;

    // Called after each commit, on the writing thread; must return at once.
    void on_commit(std::function<void(GroupCommit::Committed const&)> listener) {
        database.on_commit(std::move(listener));
    }
};

}  // namespace genesis
