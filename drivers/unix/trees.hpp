// Where a path is looked for: a tenant's tree level by level from /home, anything else in its parent.
#pragma once
#include "drivers/host/files.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

// True when `path` lies strictly beneath `root`.
bool lies_beneath(std::string_view path, std::string_view root);

// Held for one batch. The Dirs it hands out stay open until then; a Fault says that somebody stands in the way.
class Trees {
public:
    explicit Trees(std::string homes) : homes_path_(std::move(homes)) {}

    // What stands at the path, without following anything; nothing when it or its parent is absent.
    std::optional<host::FileStat> look(std::string_view path);
    // The directory the path lies in; beneath `homes` resolved from there and never through a link. Valid until the
    // next call; null when it is missing.
    host::Dir const* parent(std::string_view path);
    // Spares opening it when the next path lies in it.
    void remember(host::Dir made) { last_ = std::move(made); }
    [[nodiscard]] bool in_home(std::string_view path) const { return lies_beneath(path, homes_path_); }
    // "/home/acme/sites" → "acme": the first name beneath `homes`.
    [[nodiscard]] std::string_view tenant(std::string_view path) const;
    // Relative to `homes`; only for paths in_home().
    [[nodiscard]] std::string_view relative(std::string_view path) const;
    // The homes themselves, or nothing when there are none.
    host::Dir const* homes();

private:
    host::Dir const* opened(std::string const& path);
    host::Dir const* descend(std::string_view path);

    std::string homes_path_;
    std::map<std::string, std::optional<host::Dir>> open_;
    std::optional<host::Dir> last_;
    std::vector<host::Dir> levels_;  // each in the one before it, the first in the homes
};

}  // namespace genesis
