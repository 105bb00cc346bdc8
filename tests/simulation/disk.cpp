// A trigger on each table refuses what is written while the disk does not write.
#include "tests/simulation/disk.hpp"

#include <SQLiteCpp/Statement.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace genesis::simulation {
namespace {

// In memory where that is to be had: nothing of it outlives the test.
std::string make_directory() {
    std::string const memory = "/dev/shm";
    std::error_code error;
    auto const above =
        std::filesystem::is_directory(memory, error) ? memory : std::filesystem::temp_directory_path().string();
    auto name = above + "/genesis-simulation-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw Fault("mkdtemp");
    return name;
}

}  // namespace

Disk::Disk(SimulatedClock& clock) : clock_(clock), directory_(make_directory()) {
    open();
    aside_ = std::make_unique<SQLite::Database>(directory_ + "/store.db", SQLite::OPEN_READWRITE, 10000);
    std::vector<std::string> tables;
    SQLite::Statement names(*aside_,
                            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (names.executeStep()) tables.push_back(names.getColumn(0).getString());
    aside_->exec("CREATE TABLE disk (fails INTEGER NOT NULL); INSERT INTO disk VALUES (0)");
    for (auto const& table : tables) {
        empty_ += "DELETE FROM " + table + ";";
        for (std::string const verb : {"INSERT", "UPDATE", "DELETE"})
            aside_->exec("CREATE TRIGGER fails_" + table + "_" + verb + " BEFORE " + verb + " ON " + table +
                         " WHEN (SELECT fails FROM disk) BEGIN SELECT RAISE(ABORT, 'the disk does not write'); END");
    }
}

Disk::~Disk() {
    store_.reset();
    aside_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void Disk::open() {
    store_ = std::make_unique<SqliteStore>(directory_ + "/store.db", "simulated",
                                           Vault::with_key(Secret("0123456789abcdef0123456789abcdef")), clock_);
    store_->on_commit([this](GroupCommit::Committed const&) {
        if (left_ > 0 && --left_ == 0) writes(false);
    });
}

void Disk::wipe() {
    mend();
    aside_->exec("BEGIN IMMEDIATE;" + empty_ + "COMMIT");
}

void Disk::mend() {
    (void)writes();
    left_ = 0;
    writes(true);
}

void Disk::reopen() {
    store_.reset();
    open();
}

void Disk::writes(bool yes) {
    if (writes_.exchange(yes) == yes) return;
    aside_->exec(yes ? "UPDATE disk SET fails = 0" : "UPDATE disk SET fails = 1");
}

bool Disk::writes() {
    try {  // writes nothing, and comes after all that came before
        (void)store_->remove_dry_run({"account", "nobody"}, std::nullopt, "api");
    } catch (Fault const&) {  // of the transaction that it shared
    }
    return writes_;
}

}  // namespace genesis::simulation
