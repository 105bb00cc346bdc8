// Keeps PHP-FPM: what is there, and the files; what systemd is told stands in settle.cpp.
#include "drivers/php_fpm/driver.hpp"

#include "drivers/host/pem.hpp"

#include <unistd.h>

#include <algorithm>

namespace genesis {

namespace {

constexpr host::Owner config_dir_owner{0, 0, 0711}, unit_dir_owner{0, 0, 0755}, stamp_dir_owner{0, 0, 0700};
constexpr host::Owner file_owner{0, 0, 0644};
constexpr std::string_view prefix = "genesis-php-";

// The name between a prefix and a suffix; empty when the file is called otherwise.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
    if (text.size() <= before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after)) return {};
    return text.substr(before.size(), text.size() - before.size() - after.size());
}

std::string digest_of(PhpFiles const& files) {
    return host::sha256(files.config + '\0' + files.service + '\0' + files.socket);
}

// Empty for what is absent or cannot be ours; compare() then says why.
std::string bytes_of(host::Dir const& dir, std::string const& name, std::optional<host::Seen> const& seen) {
    if (!seen || seen->kind != host::Seen::regular || seen->links != 1) return {};
    auto file = dir.read(name);
    return file ? std::move(file->bytes) : std::string();
}

}  // namespace

std::vector<std::string> installed_php(std::string const& program_dir) {
    std::vector<std::string> out;
    for (auto const& file : host::Dir::open(program_dir).list())
        if (auto const version = between(file, "php-fpm", ""); PhpVersion::try_parse(version))
            out.emplace_back(version);
    std::sort(out.begin(), out.end());  // of one digit each: the order of the text is theirs
    return out;
}

std::optional<PhpFpmDriver::Dirs> PhpFpmDriver::try_dirs() const {
    auto config = host::Dir::try_open(settings_.config_dir), units = host::Dir::try_open(settings_.unit_dir);
    auto stamps = host::Dir::try_open(settings_.stamp_dir);
    if (!config || !units || !stamps) return std::nullopt;
    return Dirs{std::move(*config), std::move(*units), std::move(*stamps)};
}

PhpFpmDriver::Dirs PhpFpmDriver::make_dirs() const {
    return {host::Dir::make_all(settings_.config_dir, config_dir_owner),
            host::Dir::make_all(settings_.unit_dir, unit_dir_owner),
            host::Dir::make_all(settings_.stamp_dir, stamp_dir_owner)};
}

std::set<std::string> PhpFpmDriver::names(Dirs const& dirs) const {
    std::set<std::string> out;
    auto add = [&](std::string_view name) {
        if (UnitName::try_parse(name)) out.emplace(name);
    };
    for (auto const& file : dirs.config.list()) add(between(file, "", ".conf"));
    for (auto const& file : dirs.units.list()) {
        add(between(file, prefix, ".service"));
        add(between(file, prefix, ".socket"));
    }
    return out;
}

PhpFpmDriver::Known const& PhpFpmDriver::known(Dirs const& dirs, std::string const& name) {
    auto const config = name + ".conf", service = php_unit(name, ".service"), socket = php_unit(name, ".socket");
    std::array const seen{dirs.config.look(config), dirs.units.look(service), dirs.units.look(socket)};
    auto const exists = std::any_of(seen.begin(), seen.end(), [](auto const& s) { return s.has_value(); });
    auto& entry = cache_[name];
    if (exists && entry.seen == seen) return entry;

    PhpFiles const files{bytes_of(dirs.config, config, seen[0]), bytes_of(dirs.units, service, seen[1]),
                         bytes_of(dirs.units, socket, seen[2])};
    Known fresh{seen, std::nullopt, digest_of(files), exists};
    for (auto const* const bytes : {&files.config, &files.service, &files.socket})
        if (!fresh.record) fresh.record = read_php_service(*bytes);
    if (fresh.record && fresh.record->name.str() != name) fresh.record.reset();
    if (fresh.record) {
        auto const wanted = render_php(*fresh.record, settings_);
        fresh.record->config = host::compare(dirs.config, config, wanted.config, file_owner);
        fresh.record->service_unit = host::compare(dirs.units, service, wanted.service, file_owner);
        fresh.record->socket_unit = host::compare(dirs.units, socket, wanted.socket, file_owner);
    }
    return entry = std::move(fresh);
}

bool PhpFpmDriver::stamped(Dirs const& dirs, std::string const& name, std::string const& digest) const {
    auto const stamp = dirs.stamps.read(name);
    return stamp && stamp->bytes == digest;
}

bool PhpFpmDriver::sockets_stand(PhpService const& record) const {
    auto const dir = host::Dir::try_open(settings_.run_dir + "/" + record.owner.str());
    if (!dir) return false;
    return std::all_of(record.pools.begin(), record.pools.end(), [&](PhpPool const& pool) {
        auto const seen = dir->look(pool.site.str() + ".sock");
        return seen && seen->kind == host::Seen::other;
    });
}

void PhpFpmDriver::look_at(Dirs const& dirs, std::string const& name,
                           std::map<std::string, host::UnitState> const& units, Observed<PhpService>& out) {
    auto const& seen = known(dirs, name);
    if (!seen.exists) return;
    PhpService record;
    if (seen.record) {
        record = *seen.record;
    } else {
        record.name = UnitName::checked(name);
        record.config = record.service_unit = record.socket_unit = "the first line is not ours";
        if (!dirs.stamps.look(name)) {
            out.foreign.push_back({std::move(record), "files of " + php_unit(name, "") + " exist and are not ours"});
            return;
        }
    }
    auto const socket = php_unit(name, ".socket");
    auto const unit = units.find(socket);
    record.enabled = dirs.units.look("sockets.target.wants/" + socket).has_value();
    record.listening = unit != units.end() && unit->second.active == "active" && stamped(dirs, name, seen.digest) &&
                       sockets_stand(record);
    out.found.push_back(std::move(record));
}

Observed<PhpService> PhpFpmDriver::observe(Of<PhpService>, Scope const& scope, Context& context) {
    Observed<PhpService> out;
    auto const dirs = try_dirs();
    if (!dirs) return out;
    std::set<std::string> wanted(scope.keys.begin(), scope.keys.end());
    if (scope.everything()) wanted = names(*dirs);
    if (wanted.empty()) return out;
    std::vector<std::string> patterns;
    for (auto const& key : scope.keys) patterns.push_back(php_unit(key, ".socket"));
    if (scope.everything()) patterns.push_back(php_unit("*", ".socket"));
    auto const units = systemd_.units(patterns, context);
    for (auto const& name : wanted) {
        context.check();
        try {
            look_at(*dirs, name, units, out);
        } catch (Expired const&) {
            throw;
        } catch (Fault const& fault) {
            context.log.write(Level::warning, "PHP service not seen", {{"name", name}, {"why", fault.what()}});
            out.unseen.push_back(name);
        }
    }
    if (scope.everything() && cache_.size() > 2 * wanted.size() + 100) cache_.clear();
    return out;
}

std::string PhpFpmDriver::missing_version(PhpVersion const& version) const {
    auto const program = "php-fpm" + version.str();
    if (::access((settings_.program_dir + "/" + program).c_str(), X_OK) == 0) return {};
    std::string list;
    for (auto const& one : installed_php(settings_.program_dir)) list += (list.empty() ? "" : ", ") + one;
    return "PHP " + version.str() + " is not installed; there are: " + (list.empty() ? "none" : list);
}

Outcome PhpFpmDriver::realise(Dirs const& dirs, Step<PhpService> const& step) {
    auto const& record = step.subject();
    auto const name = record.name.str();
    auto const& seen = known(dirs, name);
    if (seen.exists && !seen.record && !dirs.stamps.look(name))
        return {Outcome::later, "files of " + php_unit(name, "") + " exist and are not ours"};
    if (step.verb == Verb::remove) {
        pending_.push_back({record, Verb::remove});
        return {};
    }
    if (record.pools.empty()) return {Outcome::refused, "a PHP service needs at least one site"};
    if (auto why = missing_version(record.version); !why.empty()) return {Outcome::refused, std::move(why)};
    auto const files = render_php(record, settings_);
    // Kept while nothing differs: a service that only has to be started again is not stopped first.
    bool const given = seen.exists && digest_of(files) == seen.digest && stamped(dirs, name, seen.digest);
    if (!given) dirs.stamps.remove(name);
    Pending pending{record, step.verb, false, false, !given};
    dirs.config.write(name + ".conf", files.config, file_owner, false);
    pending.units_changed = dirs.units.write(php_unit(name, ".service"), files.service, file_owner, false);
    pending.socket_changed = dirs.units.write(php_unit(name, ".socket"), files.socket, file_owner, false);
    pending.units_changed |= pending.socket_changed;
    pending_.push_back(std::move(pending));
    return {};
}

std::vector<Outcome> PhpFpmDriver::apply(std::span<Step<PhpService> const> steps, Context& context) {
    std::vector<Outcome> out;
    if (steps.empty()) return out;
    auto const dirs = make_dirs();
    for (auto const& step : steps) {
        context.check();
        try {
            out.push_back(realise(dirs, step));
        } catch (Expired const&) {
            throw;
        } catch (Fault const& fault) {
            out.push_back({Outcome::later, fault.what()});
        }
    }
    dirs.units.sync();
    return out;
}

}  // namespace genesis
