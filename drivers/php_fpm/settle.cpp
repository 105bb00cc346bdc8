// What systemd is told after a batch of PHP services: one reload of units, one stop, one start.
#include "drivers/host/pem.hpp"
#include "drivers/php_fpm/driver.hpp"

#include <algorithm>

namespace genesis {

namespace {

constexpr host::Owner stamp_owner{0, 0, 0600};

void merge(std::map<std::string, std::string>& into, std::map<std::string, std::string> const& from) {
    into.insert(from.begin(), from.end());
}

}  // namespace

void PhpFpmDriver::forget(Dirs const& dirs, std::string const& name) {
    dirs.units.remove(php_unit(name, ".service"));
    dirs.units.remove(php_unit(name, ".socket"));
    dirs.config.remove(name + ".conf");
    dirs.stamps.remove(name);
    cache_.erase(name);
}

// Removes the sockets of these owners that no service listens at any more, and then what directory is empty.
void PhpFpmDriver::sweep(Dirs const& dirs, std::set<std::string> const& owners, Context& context) {
    std::map<std::string, std::set<std::string>> claimed;
    for (auto const& name : names(dirs))
        if (auto const& seen = known(dirs, name); seen.record)
            for (auto const& pool : seen.record->pools)
                claimed[seen.record->owner.str()].insert(pool.site.str() + ".sock");
    auto const run = host::Dir::open(settings_.run_dir);
    for (auto const& owner : owners) {
        auto const dir = run.try_beneath(owner);
        if (!dir) continue;
        for (auto const& file : dir->list())
            if (!claimed[owner].contains(file)) dir->remove(file);
        if (claimed[owner].empty()) run.remove_tree(owner, context);
    }
}

void PhpFpmDriver::take_away(Dirs const& dirs, std::vector<Pending> const& batch, Failures& failures,
                             Context& context) {
    std::vector<std::string> sockets, all;
    for (auto const& p : batch) {
        if (p.verb != Verb::remove) continue;
        sockets.push_back(php_unit(p.record.name.str(), ".socket"));
        all.push_back(sockets.back());
        all.push_back(php_unit(p.record.name.str(), ".service"));
    }
    if (all.empty()) return;
    auto const loaded = systemd_.units({php_unit("*", "")}, context);
    std::erase_if(all, [&](auto const& unit) { return !loaded.contains(unit); });
    if (!all.empty()) merge(failures, systemd_.stop(all, context));
    systemd_.disable(sockets, context);
    for (auto const& p : batch) {
        auto const name = p.record.name.str();
        if (p.verb != Verb::remove || failures.contains(php_unit(name, ".service")) ||
            failures.contains(php_unit(name, ".socket")))
            continue;
        forget(dirs, name);
    }
    std::erase_if(all, [&](auto const& unit) {
        auto const state = loaded.find(unit);
        return state == loaded.end() || state->second.active != "failed";
    });
    if (!all.empty()) systemd_.reset_failed(all, context);
}

// True when systemd holds an older version of the unit in memory, whoever wrote the file.
bool PhpFpmDriver::outdated(Pending const& p, std::map<std::string, host::UnitState> const& loaded, Context& context) {
    auto const name = p.record.name.str();
    for (auto const& unit : {php_unit(name, ".service"), php_unit(name, ".socket")}) {
        if (!loaded.contains(unit)) continue;
        if (p.units_changed) return true;
        if (!p.files_changed) continue;
        auto const need = systemd_.property(unit, "org.freedesktop.systemd1.Unit", "NeedDaemonReload", context);
        if (need != "no" && need != "false" && need != "0") return true;
    }
    return false;
}

// The definitions are reloaded before anything stops, so that a request in between starts the new service, not the old.
void PhpFpmDriver::give(Dirs const& dirs, std::vector<Pending> const& batch, Failures& failures, Context& context) {
    auto const loaded = systemd_.units({php_unit("*", "")}, context);
    auto state = [&](std::string const& unit) {
        auto const found = loaded.find(unit);
        return found == loaded.end() ? std::string("inactive") : found->second.active;
    };
    std::vector<std::string> stop, failed, sockets, enable;
    bool reload = std::any_of(batch.begin(), batch.end(), [](auto const& p) { return p.verb == Verb::remove; });
    for (auto const& p : batch) {
        if (p.verb == Verb::remove) continue;
        auto const name = p.record.name.str();
        auto const service = php_unit(name, ".service"), socket = php_unit(name, ".socket");
        reload = reload || outdated(p, loaded, context);
        bool const bound = state(socket) == "active" && !p.socket_changed && sockets_stand(p.record);
        bool const runs = state(service) != "inactive" && state(service) != "failed";
        if (runs && (p.files_changed || !bound)) stop.push_back(service);
        if (state(socket) == "active" && !bound) stop.push_back(socket);
        for (auto const& unit : {service, socket})
            if (state(unit) == "failed") failed.push_back(unit);
        sockets.push_back(socket);
        if (!dirs.units.look("sockets.target.wants/" + socket)) enable.push_back(socket);
    }
    if (reload) systemd_.daemon_reload(context);
    if (sockets.empty()) return;
    if (!stop.empty()) merge(failures, systemd_.stop(stop, context));
    if (!failed.empty()) systemd_.reset_failed(failed, context);
    if (!enable.empty()) systemd_.enable(enable, context);
    merge(failures, systemd_.start(sockets, context));
}

Settled PhpFpmDriver::settle(Context& context) {
    Settled out;
    auto const batch = std::exchange(pending_, {});
    if (batch.empty()) return out;
    auto const dirs = make_dirs();
    host::Dir::make_all(settings_.run_dir, {0, 0, 0711});
    Failures failures;
    take_away(dirs, batch, failures, context);
    give(dirs, batch, failures, context);
    std::set<std::string> owners;
    for (auto const& p : batch)
        if (p.verb != Verb::create) owners.insert(p.record.owner.str());
    if (!owners.empty()) sweep(dirs, owners, context);
    for (auto const& p : batch) {
        auto const name = p.record.name.str();
        auto failure = failures.find(php_unit(name, ".socket"));
        if (failure == failures.end()) failure = failures.find(php_unit(name, ".service"));
        if (failure != failures.end()) {
            out.verdicts.push_back({{"php_service", name}, {Outcome::later, failure->first + ": " + failure->second}});
        } else if (p.verb != Verb::remove) {
            dirs.stamps.write(name, known(dirs, name).digest, stamp_owner, false);
        }
    }
    return out;
}

}  // namespace genesis
