// Keeps the few directories open that most paths of a batch lie in.
#include "drivers/unix/trees.hpp"

namespace genesis {

bool lies_beneath(std::string_view path, std::string_view root) {
    return path.size() > root.size() + 1 && path.starts_with(root) && path[root.size()] == '/';
}

std::string_view Trees::relative(std::string_view path) const { return path.substr(homes_path_.size() + 1); }

std::string_view Trees::tenant(std::string_view path) const {
    auto const rest = relative(path);
    return rest.substr(0, rest.find('/'));
}

host::Dir const* Trees::homes() { return opened(homes_path_); }

host::Dir const* Trees::opened(std::string const& path) {
    if (open_.size() > 256) open_.clear();
    auto at = open_.find(path);
    if (at == open_.end()) at = open_.emplace(path, host::Dir::try_open(path)).first;
    return at->second ? &*at->second : nullptr;
}

std::optional<host::FileStat> Trees::look(std::string_view path) {
    auto const [above, name] = host::split(path);
    auto const* dir = in_home(path) ? descend(above) : opened(above);
    return dir ? dir->look(name) : std::nullopt;
}

// Level by level, and back only as far as needed: paths that come in their order open each directory once.
host::Dir const* Trees::descend(std::string_view path) {
    if (path == homes_path_) return homes();
    while (!levels_.empty() && path != levels_.back().path() && !lies_beneath(path, levels_.back().path()))
        levels_.pop_back();
    auto const* at = levels_.empty() ? homes() : &levels_.back();
    while (at != nullptr && at->path().size() < path.size()) {
        auto const rest = path.substr(at->path().size() + 1);
        auto next = at->try_view(rest.substr(0, rest.find('/')));
        at = next ? &levels_.emplace_back(std::move(*next)) : nullptr;
    }
    return at;
}

host::Dir const* Trees::parent(std::string_view path) {
    auto const above = host::split(path).first;
    if (above == homes_path_) return homes();
    if (last_ && last_->path() == above) return &*last_;
    auto const* dir = in_home(path) ? homes() : nullptr;
    last_ = !in_home(path) ? host::Dir::try_open(above) : dir ? dir->try_beneath(relative(above)) : std::nullopt;
    return last_ ? &*last_ : nullptr;
}

}  // namespace genesis
