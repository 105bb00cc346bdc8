// A directory of site files, read once and again only where it changed; two of them are exchanged at once.
#pragma once
#include "drivers/apache/render.hpp"
#include "drivers/host/files.hpp"

#include <map>
#include <set>

namespace genesis {

inline constexpr host::Owner site_file_owner{0, 0, 0640};
inline constexpr std::string_view canary_file = "_genesis.conf";

struct SiteFile {
    host::FileStat seen;
    std::optional<Site> site;  // nothing: not ours by its first line
    std::string sha;           // of the bytes; empty when it is not an ordinary file
    std::string state;         // of ours: "intact", or how it differs from what its own record renders to
};

// What a file is to be. Bytes are rendered only when the file has to be written.
struct WantedFile {
    std::string sha;
    Site const* site = nullptr;  // or `bytes`
    std::string bytes;
};
using WantedTree = std::map<std::string, WantedFile>;

class Tree {
public:
    explicit Tree(std::string tls_root) : tls_root_(std::move(tls_root)) {}

    // Brings files() up to date with the directory: every *.conf.
    void scan(host::Dir const& dir);
    // One name; nothing when absent.
    SiteFile const* look(host::Dir const& dir, std::string const& name);
    [[nodiscard]] std::map<std::string, SiteFile> const& files() const { return files_; }

    // Makes the directory equal to `wanted`; true when it had to change anything. What is not an ordinary file stays.
    bool fill(host::Dir const& dir, WantedTree const& wanted);
    // As far as the last scan() knows.
    [[nodiscard]] bool equals(WantedTree const& wanted) const;
    void exchange(Tree& other) { files_.swap(other.files_); }

private:
    std::string tls_root_;
    std::map<std::string, SiteFile> files_;
};

// renameat2(2) with RENAME_EXCHANGE: at no moment is either name missing. Durable when it returns.
void exchange(host::Dir const& parent, std::string const& one, std::string const& other);

}  // namespace genesis
