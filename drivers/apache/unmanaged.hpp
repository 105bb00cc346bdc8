// Names that the rest of Apache's configuration serves already.
#pragma once
#include "drivers/context.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace genesis {

// Reads ServerName and ServerAlias from the files (and what symbolic links lead to) of root's own directories.
class UnmanagedSites {
public:
    explicit UnmanagedSites(std::vector<std::string> dirs) : dirs_(std::move(dirs)) {}
    // name → the file that says it. Files are read again only when they changed.
    std::map<std::string, std::string> const& look();

private:
    struct Stamp {
        std::uint64_t inode = 0;
        std::int64_t size = 0, seconds = 0, nanoseconds = 0;
        bool operator==(Stamp const&) const = default;
    };
    std::vector<std::string> dirs_;
    std::map<std::string, Stamp> stamps_;
    std::map<std::string, std::string> names_;
};

}  // namespace genesis
