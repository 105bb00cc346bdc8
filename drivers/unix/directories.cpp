// Directories: seen, made and owned through descriptors; a tree is removed only where one of ours can be.
#include "drivers/host/processes.hpp"
#include "drivers/unix/driver.hpp"
#include "drivers/unix/placeholder_page.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace genesis {

using unix_accounts::in_range;

namespace {

std::string kind_of(host::FileStat const& seen) {
    if (seen.kind == host::FileStat::directory) return std::string(intact);
    if (seen.kind == host::FileStat::symlink) return "a symbolic link";
    return "no directory";
}

FileMode mode_of(mode_t bits) {
    char text[8];
    (void)std::snprintf(text, sizeof text, "%04o", bits & 07777);
    return FileMode::checked(text);
}

host::Owner owner_of(Directory const& d) {
    return {static_cast<uid_t>(d.uid), static_cast<gid_t>(d.gid),
            static_cast<mode_t>(std::stoul(d.mode.str(), nullptr, 8))};
}

// Steps by their path: a parent before its children.
std::vector<std::size_t> by_path(std::span<Step<Directory> const> steps) {
    std::vector<std::size_t> order(steps.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return steps[a].subject().path < steps[b].subject().path; });
    return order;
}

}  // namespace

Observed<Directory> UnixDriver::observe(Of<Directory>, Scope const& scope, Context& context) {
    Observed<Directory> out;
    Trees trees(layout_.homes);
    for (auto const& key : scope.keys) {
        context.check();
        Directory d;
        d.path = AbsolutePath::checked(key);
        if (trees.in_home(key)) d.owner = AccountName::checked(trees.tenant(key));
        if (lies_beneath(key, layout_.logs))
            d.owner = AccountName::checked(host::split(key.substr(0, key.find('/', layout_.logs.size() + 1))).second);
        try {
            auto const seen = trees.look(key);
            if (!seen) continue;
            d.uid = seen->owner.uid, d.gid = seen->owner.gid;
            d.mode = mode_of(seen->owner.mode);
            d.file = kind_of(*seen);
        } catch (Fault const& fault) {  // a link or a file where an ancestor should be: there, but not as it should be
            d.mode = FileMode::checked("0000");
            d.file = fault.what();
        }
        out.found.push_back(std::move(d));
    }
    return out;
}

void UnixDriver::keep(Directory const& want, Trees& trees) {
    auto const [above, name] = host::split(want.path);
    auto const* parent = trees.parent(want.path);
    if (!parent && !trees.in_home(want.path)) {
        host::Dir::make_all(above, {0, 0, 0755});
        parent = trees.parent(want.path);
    }
    if (!parent) throw Fault(above + ": missing");
    std::function<void(host::Dir const&)> fill;
    if (!want.placeholder_page.empty())
        fill = [&](host::Dir const& dir) { write_placeholder_page(dir, want.placeholder_page, owner_of(want)); };
    auto made = parent->make_new(name, owner_of(want), fill);
    if (!made) return void(parent->make(name, owner_of(want)));
    if (trees.in_home(want.path)) trees.remember(std::move(*made));
}

// Which of ours the path lies beneath; empty when it is none.
std::string UnixDriver::root_of(std::string_view path) const {
    for (auto const& root : {layout_.homes, layout_.logs, layout_.run})
        if (lies_beneath(path, root)) return root;
    return {};
}

// Refuses whatever is not beneath one of our roots, and a home that no tenant owns.
Outcome UnixDriver::drop(Directory const& have, Trees& trees, Context& context) {
    auto const& path = have.path.str();
    auto const root = root_of(path);
    if (root.empty()) return {Outcome::terminal, path + " lies in no tree of ours; it is left as it is"};
    if (trees.in_home(path)) {
        auto const* homes = trees.homes();
        auto const home = homes ? homes->look(trees.tenant(path)) : std::nullopt;
        if (!home) return {};
        if (home->kind == host::FileStat::directory && !in_range(home->owner.uid))
            return {Outcome::retry, path + ": the home does not belong to a tenant; it is left as it is"};
    }
    auto const* parent = trees.parent(path);
    auto const name = host::split(path).second;
    auto const seen = parent ? parent->look(name) : std::nullopt;
    if (!seen) return {};
    auto const below = path.substr(root.size() + 1);
    if (seen->kind == host::FileStat::directory)
        leftovers_->take(*parent, name, root, below.substr(0, below.find('/')), context);
    else
        parent->remove(name);
    return {};
}

// A home that is about to go has its tenant's processes ended first, or they would go on filling it. Where somebody
// starts them again and again it goes all the same.
void UnixDriver::end_tenants(std::span<Step<Directory> const> steps, Context const& context) {
    std::set<uid_t> uids;
    for (auto const& step : steps)
        if (step.verb == Verb::remove && host::split(step.have.path).first == layout_.homes && in_range(step.have.uid))
            uids.insert(static_cast<uid_t>(step.have.uid));
    for (auto const& [uid, why] : host::end_processes(uids, context.within(kill_longest)))
        context.log.write(Level::warning, "a home goes while processes of its user run", {{"why", why}});
}

std::vector<Outcome> UnixDriver::apply(std::span<Step<Directory> const> steps, Context& context) {
    std::vector<Outcome> outcomes(steps.size());
    Trees trees(layout_.homes);
    auto const order = by_path(steps);
    for (auto const i : order)
        if (steps[i].verb != Verb::remove)
            outcomes[i] = one_step(context, [&] { return keep(steps[i].want, trees), Outcome{}; });
    auto const ended = one_step(context, [&] { return end_tenants(steps, context), Outcome{}; });
    for (auto const i : order)
        if (steps[i].verb == Verb::remove)
            outcomes[i] = ended.how != Outcome::done
                              ? ended
                              : one_step(context, [&] { return drop(steps[i].have, trees, context); });
    return outcomes;
}

}  // namespace genesis
