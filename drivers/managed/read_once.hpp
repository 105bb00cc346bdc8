// What the files of a record say, read again only when one of them changed: a pass over thousands costs their lstat.
#pragma once
#include "drivers/host/files.hpp"

#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace genesis::managed {

// `Said` is what was made of the N files of one name. For one thread.
template <class Said, std::size_t N>
class ReadOnce {
public:
    using Seen = std::array<std::optional<host::FileStat>, N>;

    // Valid until forget() or trim(). What read() throws leaves the former entry.
    template <class Read>
    Said const& get(std::string const& name, Seen const& seen, Read&& read) {
        if (auto const known = entries_.find(name); known != entries_.end() && known->second.seen == seen)
            return known->second.said;
        Entry fresh{seen, read()};
        return entries_.insert_or_assign(name, std::move(fresh)).first->second.said;
    }
    void forget(std::string const& name) { entries_.erase(name); }
    // Once in a while, when `live` names are all there are: what is gone is not kept for ever.
    void trim(std::size_t live) {
        if (entries_.size() > 2 * live + 100) entries_.clear();
    }
    template <class Visit>
    void each(Visit&& visit) const {
        for (auto const& [name, entry] : entries_) visit(entry.said);
    }

private:
    struct Entry {
        Seen seen;
        Said said;
    };
    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace genesis::managed
