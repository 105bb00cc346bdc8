// The ledger on SQLite: an intent is on disk before the machine changes, its outcome after.
#pragma once
#include "reconciler/store/database.hpp"
#include "reconciler/store/ledger.hpp"

namespace genesis {

class SqliteLedger : public Ledger {
public:
    // Closes the history of a daemon that died. The database outlives it.
    explicit SqliteLedger(StoreDatabase& db);

    void intend(std::span<AnyStep const> steps, std::span<std::string const> causes) override;
    void record(std::span<AnyStep const> steps, std::span<Outcome const> outcomes) override;
    std::vector<RecordState> records() override;
    void save_records(std::span<RecordState const> changed, std::span<Ref const> dropped) override;
    std::vector<HistoryEntry> history(std::optional<Ref> const& object, std::int64_t before,
                                      std::size_t limit) override;

private:
    void prune_sometimes(std::size_t lines);

    StoreDatabase& db_;
    std::mutex under_way_mutex_;
    std::map<Ref, std::int64_t> under_way_;  // record → its history line without an outcome
    std::atomic<std::size_t> lines_since_prune_ = 0;
};

}  // namespace genesis
