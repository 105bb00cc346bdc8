// The connections of one file.
#include "reconciler/store/database.hpp"

#include "reconciler/store/migrations.hpp"

namespace genesis {

StoreDatabase::Reader::Reader(std::string const& path) : db(open_database(path)), sql(db) {
    db.exec("PRAGMA query_only = ON");
    db.exec("PRAGMA cache_size = -256");  // KiB; the system caches the file, once for all connections
}

StoreDatabase::StoreDatabase(std::string const& path, std::string node, Clock const& clock)
    : node_(std::move(node)),
      clock_(clock),
      writer_(open_database(path)),
      sql_(writer_),
      few_{Reader(path), Reader(path), Reader(path), Reader(path)},
      many_(path),
      commit_(writer_, [this](GroupCommit::Committed const& committed) {
          std::lock_guard const lock(listeners_mutex_);
          for (auto const& listener : listeners_) listener(committed);
      }) {}

std::int64_t StoreDatabase::read_counter(std::string const& name) {
    return read([&](Statements& sql) { return counter_in(sql, name); });
}

}  // namespace genesis
