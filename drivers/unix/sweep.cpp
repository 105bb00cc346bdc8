// Finding what a removed user has left in directories of everybody.
#include "drivers/unix/leftovers.hpp"

namespace genesis {

namespace {

constexpr int deepest = 32;  // how far below a swept directory a left file is looked for

// What cannot be removed is noted with the user whose it is.
class Sweep {
public:
    Sweep(std::set<uid_t> const& users, Context const& context) : users_(users), context_(context) {}
    void walk(host::Dir const& dir, int depth) {
        dir.each([&](std::string const& name) {  // a tenant may have made millions
            context_.check();
            try {
                remove_or_enter(dir, name, depth);
            } catch (Expired const&) {
                throw;
            } catch (Fault const& fault) {  // a mount, or a tree that changes as we look
                context_.log.write(Level::debug, "not swept", {{"why", fault.what()}});
            }
        });
    }
    std::map<uid_t, std::string> left;

private:
    void remove_or_enter(host::Dir const& dir, std::string const& name, int depth) {
        auto const seen = dir.look(name);
        if (!seen) return;
        if (users_.contains(seen->owner.uid))
            remove(dir, name, *seen);
        else if (seen->kind == host::FileStat::directory && depth < deepest)
            if (auto const below = dir.try_beneath(name)) walk(*below, depth + 1);
    }
    // A directory is closed first, to all but its user, of whom nobody is left: others may have been let in.
    void remove(host::Dir const& dir, std::string const& name, host::FileStat const& seen) try {
        if (seen.kind == host::FileStat::directory) dir.make(name, {seen.owner.uid, seen.owner.gid, 0700});
        dir.remove_tree(name, context_);
    } catch (Expired const&) {
        throw;
    } catch (Fault const& fault) {
        left.try_emplace(seen.owner.uid, fault.what());
    }

    std::set<uid_t> const& users_;
    Context const& context_;
};

}  // namespace

std::map<uid_t, std::string> remove_files_of(std::set<uid_t> const& users, host::Dir const& dir,
                                             Context const& context) {
    Sweep sweep(users, context);
    sweep.walk(dir, 0);
    return std::move(sweep.left);
}

}  // namespace genesis
