// The disk of a simulation: one store for many histories, whose writes end when the power goes, at any commit.
#pragma once
#include "reconciler/store/sqlite.hpp"
#include "tests/simulation/machine.hpp"

#include <SQLiteCpp/Database.h>

#include <atomic>
#include <memory>
#include <string>

namespace genesis::simulation {

// Opening a store costs more than a whole history, so that it stays open from one to the next: wipe() empties it.
class Disk {
public:
    explicit Disk(SimulatedClock& clock);
    ~Disk();
    Disk(Disk const&) = delete;
    Disk& operator=(Disk const&) = delete;

    [[nodiscard]] SqliteStore& store() { return *store_; }
    void wipe();
    void reopen();
    // While it does not write, whatever would be written is refused; what was written stays.
    void writes(bool yes);
    // From the n-th commit on it does not write.
    void fail_after(int commits) { left_ = commits; }
    void mend();  // it writes, and goes on to
    // Whether it writes, after all commits so far.
    [[nodiscard]] bool writes();

private:
    void open();
    SimulatedClock& clock_;
    std::string directory_;
    std::unique_ptr<SqliteStore> store_;
    std::unique_ptr<SQLite::Database> aside_;  // a connection of its own
    std::string empty_;                        // the statements that wipe
    std::atomic<int> left_ = 0;
    std::atomic<bool> writes_ = true;
};

}  // namespace genesis::simulation
