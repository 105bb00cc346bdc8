// Keeps PHP-FPM: what is there, and the files; what systemd is asked for stands in commit.cpp.
#include "drivers/php_fpm/driver.hpp"

#include <unistd.h>

#include <algorithm>

namespace genesis {

namespace {

constexpr host::Owner config_dir_owner{0, 0, 0711}, unit_dir_owner{0, 0, 0755}, stamp_dir_owner{0, 0, 0700};
constexpr host::Owner file_owner{0, 0, 0644}, stamp_owner{0, 0, 0600};
constexpr std::string_view program = "php-fpm";      // <program><version>
constexpr std::string_view legacy_suffix = ".conf";  // until 0.1.0 a configuration was <name>.conf

// The name between a prefix and a suffix; empty when the file is called otherwise.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
    if (text.size() <= before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after)) return {};
    return text.substr(before.size(), text.size() - before.size() - after.size());
}

// Empty for what is absent or cannot be ours; compare() then says why.
std::string bytes_of(host::Dir const& dir, std::string const& name, std::optional<host::FileStat> const& seen) {
    if (!seen || seen->kind != host::FileStat::regular || seen->links != 1) return {};
    auto file = dir.read(name);
    return file ? std::move(file->bytes) : std::string();
}

// What the name alone says: <account>-<version>.
PhpService named(std::string const& name) {
    PhpService out;
    out.name = UnitName::checked(name);
    auto const dash = std::min(name.rfind('-'), name.size() - 1);
    if (auto const owner = AccountName::try_parse(name.substr(0, dash))) out.owner = *owner;
    if (auto const version = PhpVersion::try_parse(name.substr(dash + 1))) out.version = *version;
    return out;
}

std::string config_path(std::string const& name) { return name + "/" + std::string(php_config_file); }

std::string config_state(host::Dir const& dir, std::string const& name, std::optional<host::FileStat> const& holder,
                         std::string const& wanted) {
    if (!holder) return "missing";
    if (holder->kind != host::FileStat::directory) return "its directory is none";
    auto const& is = holder->owner;
    if (is.uid != config_dir_owner.uid || is.gid != config_dir_owner.gid || is.mode != config_dir_owner.mode)
        return "its directory: mode " + host::describe(is) + ", wanted " + host::describe(config_dir_owner);
    return host::compare(dir, config_path(name), wanted, file_owner);
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

PhpFpmDriver::Dirs PhpFpmDriver::complete(host::Dir config, host::Dir units, host::Dir stamps) const {
    auto enabled = units.try_beneath(starts_at_boot);
    return {std::move(config), std::move(units), std::move(stamps), std::move(enabled),
            host::Dir::try_open(layout_.php_sockets())};
}

std::optional<PhpFpmDriver::Dirs> PhpFpmDriver::try_dirs() const {
    auto config = host::Dir::try_open(layout_.php_configs()), units = host::Dir::try_open(layout_.units);
    auto stamps = host::Dir::try_open(layout_.php_stamps());
    if (!config || !units || !stamps) return std::nullopt;
    return complete(std::move(*config), std::move(*units), std::move(*stamps));
}

PhpFpmDriver::Dirs PhpFpmDriver::make_dirs() const {
    return complete(host::Dir::make_all(layout_.php_configs(), config_dir_owner),
                    host::Dir::make_all(layout_.units, unit_dir_owner),
                    host::Dir::make_all(layout_.php_stamps(), stamp_dir_owner));
}

std::set<std::string> PhpFpmDriver::names(Dirs const& dirs) const {
    std::set<std::string> out;
    auto add = [&](std::string_view name) {
        if (UnitName::try_parse(name)) out.emplace(name);
    };
    for (auto const& file : dirs.config.list())
        if (!file.ends_with(legacy_suffix)) add(file);
    auto const prefix = php_unit("", "");
    for (auto const& file : dirs.units.list()) {
        add(between(file, prefix, ".service"));
        add(between(file, prefix, ".socket"));
    }
    return out;
}

PhpFpmDriver::Known const& PhpFpmDriver::known(Dirs const& dirs, std::string const& name) {
    auto const config = config_path(name), service = php_unit(name, ".service"), socket = php_unit(name, ".socket");
    auto const holder = dirs.config.look(name);
    bool const inside = holder && holder->kind == host::FileStat::directory;
    std::array const seen{holder, inside ? dirs.config.look(config) : std::nullopt, dirs.units.look(service),
                          dirs.units.look(socket), dirs.stamps.look(name)};
    return cache_.get(name, seen, [&] {
        PhpFiles const files{bytes_of(dirs.config, config, seen[1]), bytes_of(dirs.units, service, seen[2]),
                             bytes_of(dirs.units, socket, seen[3])};
        bool const exists = (holder && !inside) || seen[1] || seen[2] || seen[3];
        Known fresh{std::nullopt, digests_of(files), exists, false};
        fresh.given = given(dirs, name) == fresh.digests;
        for (auto const* const bytes : {&files.config, &files.service, &files.socket})
            if (!fresh.record) fresh.record = read_php_service(*bytes);
        if (fresh.record && fresh.record->name.str() != name) fresh.record.reset();
        if (!fresh.record) return fresh;
        auto const wanted = render_php(*fresh.record, layout_, settings_);
        fresh.record->config = config_state(dirs.config, name, holder, wanted.config);
        fresh.record->service_unit = host::compare(dirs.units, service, wanted.service, file_owner);
        fresh.record->socket_unit = host::compare(dirs.units, socket, wanted.socket, file_owner);
        return fresh;
    });
}

PhpDigests PhpFpmDriver::given(Dirs const& dirs, std::string const& name) const {
    auto const stamp = dirs.stamps.read(name);
    if (!stamp) return {};
    if (stamp->bytes.find(' ') != std::string::npos) return read_digests(stamp->bytes);
    auto const bytes = [](host::Dir const& dir, std::string const& file) {
        return bytes_of(dir, file, dir.look(file));
    };
    PhpFiles const files{bytes(dirs.config, name + std::string(legacy_suffix)),
                         bytes(dirs.units, php_unit(name, ".service")), bytes(dirs.units, php_unit(name, ".socket"))};
    return stamp->bytes == legacy_stamp(files) ? digests_of(files) : PhpDigests{};
}

void PhpFpmDriver::stamp(Dirs const& dirs, std::string const& name, PhpDigests const& digests) const {
    dirs.stamps.write(name, write_digests(digests), stamp_owner, false);
}

bool PhpFpmDriver::sockets_stand(Dirs const& dirs, PhpService const& record) const {
    auto const dir = dirs.sockets ? dirs.sockets->try_view(record.owner.str()) : std::nullopt;
    if (!dir) return false;
    return std::all_of(record.pools.begin(), record.pools.end(), [&](PhpPool const& pool) {
        auto const seen = dir->look(host::split(php_socket(layout_, record.owner, pool.site)).second);
        return seen && seen->kind == host::FileStat::other;
    });
}

void PhpFpmDriver::look_at(Dirs const& dirs, std::string const& name, std::map<std::string, std::string> const& units,
                           Observed<PhpService>& out) {
    auto const& seen = known(dirs, name);
    if (!seen.exists) return;
    PhpService record;
    if (seen.record) {
        record = *seen.record;
    } else {
        record = named(name);
        record.config = record.service_unit = record.socket_unit = "the first line is not ours";
        if (!dirs.stamps.look(name)) {
            out.unmanaged.push_back({std::move(record), "files of " + php_unit(name, "") + " exist and are not ours"});
            return;
        }
    }
    auto const socket = php_unit(name, ".socket");
    auto const unit = units.find(socket);
    record.enabled = dirs.enabled && dirs.enabled->look(socket);
    record.listening = unit != units.end() && unit->second == "active" && seen.given && sockets_stand(dirs, record);
    out.found.push_back(std::move(record));
}

// Also of a stop that the daemon before this one asked for. How long it may last is the unit's to say.
void PhpFpmDriver::note_stopping(std::string const& name, std::map<std::string, std::string> const& units,
                                 Observed<PhpService>& out, Context const& context) {
    auto const service = units.find(php_unit(name, ".service"));
    if (service == units.end() || service->second != "deactivating") {
        stopping_.erase(name);
        return;
    }
    auto const since = stopping_.try_emplace(name, context.clock.now()).first->second;
    out.in_progress.emplace_back(name,
                                 Progress{"its requests under way end", {}, since, {}, std::chrono::milliseconds(200)});
}

Observed<PhpService> PhpFpmDriver::observe(Of<PhpService>, Scope const& scope, Context& context) {
    Observed<PhpService> out;
    auto const dirs = try_dirs();
    if (!dirs) return out;
    std::set<std::string> wanted(scope.keys.begin(), scope.keys.end());
    if (scope.everything()) wanted = names(*dirs);
    if (wanted.empty()) return out;
    std::vector<std::string> asked;
    for (auto const& name : wanted)
        for (auto const* const suffix : {".socket", ".service"}) asked.push_back(php_unit(name, suffix));
    auto const units = systemd_.loaded(asked, {php_unit("*", "")}, context, host::Inactive::left_out);
    for (auto const& name : wanted) {
        context.check();
        try {
            look_at(*dirs, name, units, out);
            note_stopping(name, units, out, context);
        } catch (Expired const&) {
            throw;
        } catch (Fault const& fault) {
            context.log.write(Level::warning, "PHP service not seen", {{"name", name}, {"why", fault.what()}});
            out.unseen.push_back(name);
        }
    }
    if (scope.everything()) cache_.trim(wanted.size());
    return out;
}

std::string PhpFpmDriver::missing_version(PhpVersion const& version) const {
    auto const path = settings_.program_dir.str() + "/" + std::string(program) + version.str();
    if (::access(path.c_str(), X_OK) == 0) return {};
    std::string list;
    for (auto const& one : installed_php(settings_.program_dir.str())) list += (list.empty() ? "" : ", ") + one;
    return "PHP " + version.str() + " is not installed; there are: " + (list.empty() ? "none" : list);
}

Outcome PhpFpmDriver::realise(Dirs const& dirs, Step<PhpService> const& step) {
    auto const& record = step.subject();
    auto const name = record.name.str();
    auto const& seen = known(dirs, name);
    if (seen.exists && !seen.record && !dirs.stamps.look(name))
        return {Outcome::retry, "files of " + php_unit(name, "") + " exist and are not ours"};
    if (step.verb == Verb::remove) {
        pending_.push_back({record, Verb::remove});
        return {};
    }
    if (record.pools.empty()) return {Outcome::terminal, "a PHP service needs at least one site"};
    if (auto why = missing_version(record.version); !why.empty()) return {Outcome::terminal, std::move(why)};
    auto const files = render_php(record, layout_, settings_);
    auto const wanted = digests_of(files);
    auto const before = given(dirs, name);
    // What is as it was given is not given again: a service that only has to be started is not stopped first.
    auto const given_is = [&](std::string PhpDigests::*part) {
        return seen.exists && seen.digests.*part == wanted.*part && before.*part == wanted.*part;
    };
    Pending pending{record, step.verb};
    pending.config_given = given_is(&PhpDigests::config);
    pending.service_given = given_is(&PhpDigests::service);
    pending.socket_given = given_is(&PhpDigests::socket);
    if (pending.units_given() && !pending.config_given)
        stamp(dirs, name, {"-", wanted.service, wanted.socket});  // a crash before commit() makes no stop of a reload
    else if (!pending.units_given())
        dirs.stamps.remove(name);
    write_config(dirs, name, files.config);
    pending.units_changed = dirs.units.write(php_unit(name, ".service"), files.service, file_owner, false);
    pending.units_changed |= dirs.units.write(php_unit(name, ".socket"), files.socket, file_owner, false);
    pending_.push_back(std::move(pending));
    return {};
}

void PhpFpmDriver::write_config(Dirs const& dirs, std::string const& name, std::string const& bytes) const {
    if (auto const there = dirs.config.look(name); there && there->kind != host::FileStat::directory)
        dirs.config.remove(name);
    dirs.config.make(name, config_dir_owner);
    dirs.config.beneath(name).write(php_config_file, bytes, file_owner, false);
}

// What 0.1.0 left: a file beside the directory.
void PhpFpmDriver::drop_legacy(Dirs const& dirs, std::string const& name) const {
    auto const file = name + std::string(legacy_suffix);
    if (auto const there = dirs.config.look(file); there && read_php_service(bytes_of(dirs.config, file, there)))
        dirs.config.remove(file);
}

std::vector<Outcome> PhpFpmDriver::apply(std::span<Step<PhpService> const> steps, Context& context) {
    std::vector<Outcome> out;
    if (steps.empty()) return out;
    auto const dirs = make_dirs();
    for (auto const& step : steps) out.push_back(one_step(context, [&] { return realise(dirs, step); }));
    dirs.units.sync();
    return out;
}

}  // namespace genesis
