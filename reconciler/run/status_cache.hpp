// The status of each object, kept in memory for readers of any thread; the loop writes it.
#pragma once
#include "reconciler/store/store.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace genesis {

class StatusCache {
public:
    using Lines = std::vector<RecordStatus>;  // by kind and key

    void set(Ref const& object, Status status) {
        std::lock_guard lock(mutex_);
        entries_[object] = std::move(status);
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
    // The object's status; conditions as stored when it was not observed since the start.
    [[nodiscard]] Status status(Object const& object) const {
        std::lock_guard lock(mutex_);
        auto it = entries_.find(object.ref);
        return it == entries_.end() ? Status{object.observed_generation, object.conditions, {}} : it->second;
    }

    struct Tally {
        std::map<std::pair<std::string, bool>, std::size_t> objects;  // by kind, and whether they are ready
        std::map<SyncState, std::size_t> records;
    };
    [[nodiscard]] Tally tally() const {
        std::lock_guard lock(mutex_);
        Tally out;
        for (auto const& [ref, status] : entries_) {
            bool ready = false;
            for (auto const& c : status.conditions) ready = ready || (c.type == "ready" && c.status == "true");
            ++out.objects[{ref.kind, ready}];
            for (auto const& line : status.records) ++out.records[line.state];
        }
        return out;
    }

private:
    mutable std::mutex mutex_;
    std::map<Ref, Status> entries_;
    std::uint64_t version_ = 0;
};

}  // namespace genesis
