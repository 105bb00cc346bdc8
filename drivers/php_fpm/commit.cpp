// What systemd is asked for after a batch of PHP services: what it must know, and nothing of anybody else.
#include "drivers/php_fpm/driver.hpp"

#include <algorithm>

namespace genesis {

namespace {

// How long the driver waits for masters to stop: one without long requests has ended by then.
constexpr std::chrono::milliseconds stop_longest{100};

void merge(std::map<std::string, std::string>& into, std::map<std::string, std::string> const& from) {
    into.insert(from.begin(), from.end());
}

}  // namespace

// In the order in which it is done. The definitions are read again before anything stops, so that a request in between
// starts the new service, not the old; a master is reloaded last, for a socket's stop would take it along.
struct PhpFpmDriver::Orders {
    bool daemon_reload = false;
    std::vector<std::string> stop, reset, enable, start, reload;
};

void PhpFpmDriver::forget(Dirs const& dirs, std::string const& name, Context& context) {
    dirs.units.remove(php_unit(name, ".service"));
    dirs.units.remove(php_unit(name, ".socket"));
    dirs.config.remove_tree(name, context);
    drop_legacy(dirs, name);
    dirs.stamps.remove(name);
    cache_.forget(name);
}

// Removes the sockets of these owners that no service listens at any more, and then what directory is empty.
void PhpFpmDriver::sweep(Dirs const& dirs, std::set<std::string> const& owners, Context& context) {
    std::map<std::string, std::set<std::string>> claimed;
    auto const claim = [&](Known const& seen) {
        if (!seen.record || !owners.contains(seen.record->owner.str())) return;
        for (auto const& pool : seen.record->pools)
            claimed[seen.record->owner.str()].insert(
                host::split(php_socket(layout_, seen.record->owner, pool.site)).second);
    };
    cache_.each(claim);  // also of a version that is no longer installed
    for (auto const& version : installed_php(settings_.program_dir.str()))
        for (auto const& owner : owners)
            claim(known(dirs, php_service_name(AccountName::checked(owner), PhpVersion::checked(version))));
    auto const run = host::Dir::open(layout_.php_sockets());
    for (auto const& owner : owners) {
        auto const dir = run.try_beneath(owner);
        if (!dir) continue;
        for (auto const& file : dir->list())
            if (!claimed[owner].contains(file)) dir->remove(file);
        if (claimed[owner].empty()) run.remove_tree(owner, context);
    }
}

bool PhpFpmDriver::Result::stops(std::string_view name) const {
    return stopping.contains(php_unit(name, ".service")) || stopping.contains(php_unit(name, ".socket"));
}

void PhpFpmDriver::stop(std::vector<std::string> const& units, Result& result, Context& context) {
    auto const ended = systemd_.stop(units, stop_longest, context);
    merge(result.failed, ended.failed);
    result.stopping.insert(ended.going_on.begin(), ended.going_on.end());
}

PhpFpmDriver::UnitStates PhpFpmDriver::states(std::vector<Pending> const& batch, Context& context) {
    std::vector<std::string> units;
    for (auto const& p : batch)
        for (auto const* const suffix : {".service", ".socket"}) units.push_back(php_unit(p.record.name.str(), suffix));
    return systemd_.loaded(units, {php_unit("*", "")}, context);
}

void PhpFpmDriver::take_away(Dirs const& dirs, std::vector<Pending> const& batch, Result& result, Context& context) {
    std::vector<Pending> removed;
    for (auto const& p : batch)
        if (p.verb == Verb::remove) removed.push_back(p);
    if (removed.empty()) return;
    auto const loaded = states(removed, context);
    std::vector<std::string> there, failed;
    for (auto const& [unit, state] : loaded) {
        if (state == "failed")
            failed.push_back(unit);
        else if (state != "inactive")  // what has ended may stay loaded, and need not be asked for again
            there.push_back(unit);
    }
    stop(there, result, context);
    if (auto const wants = dirs.units.try_beneath(starts_at_boot))
        for (auto const& p : removed) wants->remove(php_unit(p.record.name.str(), ".socket"));
    for (auto const& p : removed) {
        auto const name = p.record.name.str();
        bool const stands =
            result.failed.contains(php_unit(name, ".service")) || result.failed.contains(php_unit(name, ".socket"));
        if (!stands && !result.stops(name)) forget(dirs, name, context);
    }
    systemd_.reset_failed(failed, context);
}

// True when systemd holds an older version of a unit in memory, no matter who wrote the file. What is not loaded is
// read when it is needed.
bool PhpFpmDriver::outdated(Pending const& p, UnitStates const& loaded, Context& context) {
    auto const is_outdated = [&](std::string const& unit) {
        if (!loaded.contains(unit)) return false;
        return p.units_changed || (!p.units_given() && systemd_.needs_reload(unit, context));
    };
    auto const name = p.record.name.str();
    return is_outdated(php_unit(name, ".service")) || is_outdated(php_unit(name, ".socket"));
}

PhpFpmDriver::Orders PhpFpmDriver::orders_for(Dirs const& dirs, std::vector<Pending> const& batch, Context& context) {
    Orders orders;
    auto const loaded = states(batch, context);
    auto const state = [&](std::string const& unit) {
        auto const found = loaded.find(unit);
        return found == loaded.end() ? std::string("inactive") : found->second;
    };
    for (auto const& p : batch) {
        auto const service = php_unit(p.record.name.str(), ".service");
        auto const socket = php_unit(p.record.name.str(), ".socket");
        orders.daemon_reload = orders.daemon_reload || outdated(p, loaded, context);
        bool const open = state(socket) == "active", bound = open && p.socket_given && sockets_stand(dirs, p.record);
        bool const runs = state(service) != "inactive" && state(service) != "failed";
        if (runs && (!p.service_given || !bound))
            orders.stop.push_back(service);
        else if (runs && !p.config_given && state(service) != "deactivating")
            orders.reload.push_back(service);
        if (open && !bound) orders.stop.push_back(socket);
        if (!bound) orders.start.push_back(socket);
        for (auto const& unit : {service, socket})
            if (state(unit) == "failed") orders.reset.push_back(unit);
        if (!dirs.enabled || !dirs.enabled->look(socket)) orders.enable.push_back(socket);
    }
    return orders;
}

// As systemctl(1) enable does. Not by EnableUnitFiles: after it systemd takes every unit for outdated until it has read
// all of them again (unit_file_state_outdated in systemd 257), and one account would cost a look at those of all
// others.
void PhpFpmDriver::enable(Dirs const& dirs, std::vector<std::string> const& sockets) const {
    if (sockets.empty()) return;
    dirs.units.make(starts_at_boot, {0, 0, 0755});
    auto const wants = dirs.units.beneath(starts_at_boot);
    for (auto const& socket : sockets) wants.make_link(socket, layout_.units + "/" + socket);
}

void PhpFpmDriver::give(Dirs const& dirs, std::vector<Pending> const& batch, Result& result, Context& context) {
    std::vector<Pending> kept;
    for (auto const& p : batch)
        if (p.verb != Verb::remove) kept.push_back(p);
    if (kept.empty()) return;
    auto orders = orders_for(dirs, kept, context);
    if (orders.daemon_reload) systemd_.daemon_reload(context);
    stop(orders.stop, result, context);
    systemd_.reset_failed(orders.reset, context);
    enable(dirs, orders.enable);
    for (auto const& p : kept)  // systemd starts no socket whose service still runs
        if (auto const name = p.record.name.str(); result.stops(name))
            std::erase(orders.start, php_unit(name, ".socket"));
    merge(result.failed, systemd_.start(orders.start, context));
    merge(result.failed, systemd_.reload(orders.reload, context));
}

// What became of one service. One whose socket stays is given what it is to have as soon as its master was asked to
// end: whatever is started at the socket from then on is the new one.
Outcome PhpFpmDriver::outcome_of(Dirs const& dirs, Pending const& p, Result const& result) {
    auto const name = p.record.name.str();
    for (auto const* const suffix : {".socket", ".service"})
        if (auto const failure = result.failed.find(php_unit(name, suffix)); failure != result.failed.end())
            return {Outcome::retry, failure->first + ": " + failure->second};
    if (p.verb != Verb::remove && !result.stopping.contains(php_unit(name, ".socket"))) {
        drop_legacy(dirs, name);
        stamp(dirs, name, known(dirs, name).digests);
    }
    return result.stops(name) ? Outcome{Outcome::in_progress, "its requests under way end"} : Outcome{};
}

CommitResult PhpFpmDriver::commit(Context& context) {
    CommitResult out;
    auto const batch = std::exchange(pending_, {});
    if (batch.empty()) return out;
    auto const dirs = make_dirs();
    host::Dir::make_all(layout_.php_sockets(), {0, 0, 0711});
    Result result;
    take_away(dirs, batch, result, context);
    give(dirs, batch, result, context);
    std::set<std::string> owners;
    for (auto const& p : batch)
        if (p.verb == Verb::remove || (p.verb == Verb::update && !p.units_given())) owners.insert(p.record.owner.str());
    if (!owners.empty()) sweep(dirs, owners, context);
    for (auto const& p : batch)
        if (auto outcome = outcome_of(dirs, p, result); outcome.how != Outcome::done)
            out.records.push_back({{"php_service", p.record.name.str()}, std::move(outcome)});
    return out;
}

}  // namespace genesis
