// What is known of each object's records, kept in memory for whoever asks; the loop writes, the API reads.
#pragma once
#include "reconciler/store/ledger.hpp"
#include "reconciler/store/objects.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace genesis {

class Board {
public:
    using Lines = std::map<Ref, RecordStatus>;

    void set(Ref const& object, Lines lines, std::int64_t generation, std::vector<Condition> conditions) {
        std::lock_guard lock(mutex_);
        entries_[object] = {std::move(lines), generation, std::move(conditions)};
        ++version_;
    }
    void erase(Ref const& object) {
        std::lock_guard lock(mutex_);
        entries_.erase(object);
        ++version_;
    }
    // Rises with each change: what was read after a version is at least as new.
    [[nodiscard]] std::uint64_t version() const {
        std::lock_guard lock(mutex_);
        return version_;
    }
    // What the object's status is; conditions as stored when nothing was looked at since the start.
    [[nodiscard]] Status status(Object const& object) const {
        std::lock_guard lock(mutex_);
        auto it = entries_.find(object.ref);
        if (it == entries_.end()) return {object.observed_generation, object.conditions, {}};
        Status out{it->second.generation, it->second.conditions, {}};
        for (auto const& [ref, line] : it->second.lines) out.records.push_back(line);
        return out;
    }

    struct Tally {
        std::map<std::pair<std::string, bool>, std::size_t> objects;  // by kind, and whether they are ready
        std::map<std::string, std::size_t> records;                   // by state
    };
    [[nodiscard]] Tally tally() const {
        std::lock_guard lock(mutex_);
        Tally out;
        for (auto const& [ref, entry] : entries_) {
            bool ready = false;
            for (auto const& c : entry.conditions) ready = ready || (c.type == "ready" && c.status == "true");
            ++out.objects[{ref.kind, ready}];
            for (auto const& [record, line] : entry.lines) ++out.records[line.state];
        }
        return out;
    }

private:
    struct Entry {
        Lines lines;
        std::int64_t generation = 0;
        std::vector<Condition> conditions;
    };
    mutable std::mutex mutex_;
    std::map<Ref, Entry> entries_;
    std::uint64_t version_ = 0;
};

}  // namespace genesis
