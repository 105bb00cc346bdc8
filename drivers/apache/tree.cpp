// A directory of site files, read once and again only where it changed; two of them are exchanged at once.
#include "drivers/apache/tree.hpp"

#include "resources/schema/digest.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace genesis {

namespace {

bool is(SiteFile const& file, WantedFile const& want) {
    auto const& owner = file.seen.owner;
    return file.sha == want.sha && owner.uid == site_file_owner.uid && owner.gid == site_file_owner.gid &&
           owner.mode == site_file_owner.mode;
}

}  // namespace

SiteFile const* Tree::look(host::Dir const& dir, std::string const& name) {
    auto const seen = dir.look(name);
    if (!seen) {
        files_.erase(name);
        return nullptr;
    }
    auto& file = files_[name];
    if (file.seen == *seen && !file.state.empty()) return &file;
    file = {*seen, std::nullopt, {}, "not an ordinary file"};
    if (seen->kind != host::FileStat::regular || seen->links != 1) return &file;
    auto const read = dir.read(name, 64 << 20);
    if (!read) return nullptr;
    file.seen = read->seen;
    file.sha = sha256(read->bytes);
    file.site = read_site(read->bytes);
    if (file.site && site_file_name(*file.site) != name) file.site.reset();
    file.state = file.site ? host::compare(dir, name, render_site(*file.site, tls_root_), site_file_owner)
                           : "the first line is not ours";
    return &file;
}

void Tree::scan(host::Dir const& dir) {
    std::set<std::string> there;
    for (auto& name : dir.list())
        if (name.ends_with(".conf") && !name.starts_with('.')) there.insert(std::move(name));
    std::erase_if(files_, [&](auto const& entry) { return !there.contains(entry.first); });
    for (auto const& name : there) look(dir, name);
}

bool Tree::equals(WantedTree const& wanted) const {
    auto const ordinary =
        std::count_if(files_.begin(), files_.end(), [](auto const& f) { return !f.second.sha.empty(); });
    return std::size_t(ordinary) == wanted.size() && std::all_of(wanted.begin(), wanted.end(), [&](auto const& entry) {
               auto const file = files_.find(entry.first);
               return file != files_.end() && is(file->second, entry.second);
           });
}

bool Tree::fill(host::Dir const& dir, WantedTree const& wanted) {
    scan(dir);
    bool changed = false;
    std::set<std::string> surplus;
    for (auto const& [name, file] : files_)
        if (!wanted.contains(name) && !file.sha.empty()) surplus.insert(name);
    for (auto const& name : surplus) {
        changed = dir.remove(name) || changed;
        files_.erase(name);
    }
    for (auto const& [name, want] : wanted) {
        auto const file = files_.find(name);
        if (file != files_.end() && is(file->second, want)) continue;
        auto const bytes = want.site != nullptr ? render_site(*want.site, tls_root_) : want.bytes;
        changed = dir.write(name, bytes, site_file_owner, false) || changed;
        look(dir, name);
    }
    return changed;
}

void exchange(host::Dir const& parent, std::string const& one, std::string const& other) {
    parent.sync();
    if (::syscall(SYS_renameat2, parent.fd(), one.c_str(), parent.fd(), other.c_str(), RENAME_EXCHANGE) != 0)
        throw Fault(parent.path() + ": cannot exchange " + one + " and " + other + ": " + std::strerror(errno));
    if (::fsync(parent.fd()) != 0) throw Fault(parent.path() + ": " + std::strerror(errno));
}

}  // namespace genesis
