// Finding what a removed user has left in directories of everybody.
#include "drivers/unix/leftovers.hpp"

namespace genesis {

namespace {

constexpr int deepest = 32;  // how far below a swept directory a left file is looked for

void remove_or_enter(std::set<uid_t> const& users, host::Dir const& dir, std::string const& name, int depth,
                     Context const& context);

void walk(std::set<uid_t> const& users, host::Dir const& dir, int depth, Context const& context) {
    for (auto const& name : dir.list()) {
        context.check();
        try {
            remove_or_enter(users, dir, name, depth, context);
        } catch (Expired const&) {
            throw;
        } catch (Fault const& fault) {  // a mount, or a tree that changes as we look
            context.log.write(Level::debug, "not swept", {{"why", fault.what()}});
        }
    }
}

void remove_or_enter(std::set<uid_t> const& users, host::Dir const& dir, std::string const& name, int depth,
                     Context const& context) {
    auto const seen = dir.look(name);
    if (!seen) return;
    if (users.contains(seen->owner.uid))
        dir.remove_tree(name, context);
    else if (seen->kind == host::FileStat::directory && depth < deepest)
        if (auto const below = dir.try_beneath(name)) walk(users, *below, depth + 1, context);
}

}  // namespace

void remove_files_of(std::set<uid_t> const& users, host::Dir const& dir, Context const& context) {
    walk(users, dir, 0, context);
}

}  // namespace genesis
