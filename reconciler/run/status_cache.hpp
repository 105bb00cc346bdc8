// The status of each object, kept in memory for readers of any thread; the loop writes it.
#pragma once
#include "reconciler/store/objects.hpp"
#include "resources/schema/packed.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace genesis {

// What was found of a record in sync that has reported fields: read only when somebody asks.
struct ReportedValue {
    Ref record;
    Schema const* schema;
    Packed found;
};
std::map<std::string, std::string> reported_of(Schema const& schema, json::object const& found);

// What is known of the records of one object. Those in sync, which are most, take little room.
struct ObjectLines {
    std::map<Ref, RecordStatus> open;           // all others
    std::vector<std::pair<Ref, Time>> in_sync;  // and since when
    std::vector<ReportedValue> reported;        // of some of `in_sync`
    Time observed_at{};

    [[nodiscard]] std::size_t size() const { return open.size() + in_sync.size(); }
    [[nodiscard]] std::vector<RecordStatus> all() const;  // by kind and key
};

// Of an object; not null. The same ones are kept once by all that remember them.
using Conditions = std::shared_ptr<std::vector<Condition> const>;

class StatusCache {
public:
    // A line that does not say since when has its state since the former one has, or since `now`.
    void set(Ref const& object, std::int64_t generation, Conditions conditions, ObjectLines lines,
             std::string const& now);
    void erase(Ref const& object);
    // Rises with each change: what was read after a version is at least as new.
    [[nodiscard]] std::uint64_t version() const;
    // The object's status; conditions as stored when it was not observed since the start. Never ready at a generation
    // that has not been observed.
    [[nodiscard]] Status status(Object const& object) const;

    struct Tally {
        std::map<std::pair<std::string, bool>, std::size_t> objects;  // by kind, and whether they are ready
        std::map<SyncState, std::size_t> records;
    };
    [[nodiscard]] Tally tally() const;

private:
    [[nodiscard]] Status last_observed(Object const& object) const;
    struct Entry {
        std::int64_t generation = 0;
        Conditions conditions;
        ObjectLines lines;
    };
    mutable std::mutex mutex_;
    RefMap<Entry> entries_;
    std::uint64_t version_ = 0;
};

}  // namespace genesis
