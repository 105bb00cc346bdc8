// Slices as unit files: rendered from the record, read back from it, compared byte by byte.
#include "drivers/systemd/driver.hpp"

#include "drivers/managed/record_line.hpp"

#include <algorithm>

namespace genesis {

namespace {

constexpr std::string_view former_lines =
    "# kept by genesis: changes are undone\n# record: ";  // of 0.1.0, then the record
constexpr std::string_view prefix = "genesis-", suffix = ".slice";
constexpr std::string_view stale = "changed since systemd read it";
constexpr std::string_view unasked = "systemd has not said whether it has read it";
constexpr std::string_view not_stopped = "removed, but systemd has not said that it has stopped it";
constexpr host::Owner owner{0, 0, 0644};
constexpr std::chrono::milliseconds at_once{1000},
    short_look{300};  // less than the engine waits for a batch, and to observe

std::vector<std::string> all_units() { return {std::string(prefix) + "*" + std::string(suffix)}; }

std::string_view name_of(std::string_view unit) { return unit.substr(0, unit.size() - suffix.size()); }
std::string unit_of(Slice const& slice) { return slice.name.str() + std::string(suffix); }

// A name with a further "-" would be a slice within genesis-x.slice, where x may be another account (systemd.slice(5)).
bool is_ours(std::string_view unit) {
    if (!unit.starts_with(prefix) || !unit.ends_with(suffix)) return false;
    unit.remove_prefix(prefix.size());
    unit.remove_suffix(suffix.size());
    return !unit.empty() && unit.find('-') == std::string_view::npos;
}

std::string render(Slice const& slice) {
    auto out = managed::record_line('#', slice, {"file"}) + "[Unit]\nDescription=Account " +
               slice.name.str().substr(prefix.size()) + "\n\n[Slice]\n";
    if (slice.cpu_percent > 0) out += "CPUQuota=" + std::to_string(slice.cpu_percent) + "%\n";
    if (slice.memory_mib > 0) out += "MemoryMax=" + std::to_string(slice.memory_mib) + "M\n";
    if (slice.tasks > 0) out += "TasksMax=" + std::to_string(slice.tasks) + "\n";
    return out;
}

// The record a file of ours says it is; nothing when the file is not ours.
std::optional<Slice> parse(std::string_view bytes, std::string_view name) {
    bool const former = bytes.starts_with(former_lines);
    if (!former && !managed::is_ours(bytes)) return std::nullopt;
    auto slice = managed::read_record<Slice>(former ? "# genesis " + std::string(bytes.substr(former_lines.size()))
                                                    : std::string(bytes));
    if (slice && slice->name.str() == name) return slice;
    Slice unreadable;
    unreadable.name = UnitName::checked(name);
    unreadable.file = "its record cannot be read";
    return unreadable;
}

Slice slice_of(std::string_view name, std::string_view file) {
    Slice out;
    out.name = UnitName::checked(name);
    out.file = file;
    return out;
}

Unmanaged<Slice> unmanaged(std::string_view name, std::string const& why) {
    Slice value;
    value.name = UnitName::checked(name);
    return {value, why};
}

}  // namespace

// Throws Fault where the file cannot be read this time.
SystemdDriver::Known SystemdDriver::read_unit(host::Dir const& dir, std::string const& unit,
                                              host::FileStat const& seen) const {
    auto const name = name_of(unit);
    if (auto const why = host::no_plain_file(seen))
        return {std::nullopt, unmanaged(name, layout_.units + "/" + unit + ": " + *why)};
    auto const file = dir.read(unit);
    if (!file) throw Fault(layout_.units + "/" + unit + ": went while it was looked at");
    auto slice = parse(file->bytes, name);
    if (!slice) return {std::nullopt, unmanaged(name, layout_.units + "/" + unit + " exists and is not ours")};
    if (slice->file == "intact") slice->file = host::compare(*file, render(*slice), owner);
    return {std::move(slice), {}};
}

Observed<Slice> SystemdDriver::observe(Of<Slice>, Scope const& scope, Context& context) {
    auto const dir = host::Dir::open(layout_.units);
    std::set<std::string> units;
    for (auto const& key : scope.keys) units.insert(key + std::string(suffix));
    if (scope.everything()) {
        for (auto const& name : dir.list()) units.insert(name);
        units.insert(removed_.begin(), removed_.end());
    }
    Observed<Slice> out;
    for (auto const& unit : units) {
        if (!is_ours(unit)) continue;
        context.check();
        try {
            look_at(dir, unit, out);
        } catch (Fault const& fault) {
            context.log.write(Level::warning, "a slice could not be read", {{"why", fault.what()}});
            out.unseen.emplace_back(name_of(unit));
        }
    }
    if (scope.everything()) cache_.trim(out.found.size() + out.unmanaged.size());
    if (manager_ == Manager::running && !checked_) note_stale(out, context);
    checked_ = checked_ || scope.everything();
    if (!unasked_.empty()) ask_again(out, context);
    return out;
}

// One that is removed is there, and is removed again, until systemd has said that it has stopped it.
void SystemdDriver::look_at(host::Dir const& dir, std::string const& unit, Observed<Slice>& out) {
    auto const seen = dir.look(unit);
    if (!seen) {
        if (removed_.contains(unit)) out.found.push_back(slice_of(name_of(unit), not_stopped));
        return;
    }
    auto const& known = cache_.get(unit, {seen}, [&] { return read_unit(dir, unit, *seen); });
    if (known.slice)
        out.found.push_back(*known.slice);
    else
        out.unmanaged.push_back(known.unmanaged);
}

// The daemon that wrote a file may have died before systemd read it again. Asked until all were seen once: later
// changes are our own.
void SystemdDriver::note_stale(Observed<Slice>& out, Context& context) {
    std::vector<std::string> units;
    for (auto const& slice : out.found)
        if (slice.file == "intact") units.push_back(unit_of(slice));
    auto const loaded = systemd_.loaded(units, all_units(), context);
    for (auto& slice : out.found)
        if (loaded.contains(unit_of(slice)) && systemd_.needs_reload(unit_of(slice), context)) slice.file = stale;
}

// Those that systemd has loaded are stale until commit() has made it read them, the others fine. While it does not
// answer they are in progress.
void SystemdDriver::ask_again(Observed<Slice>& out, Context& context) {
    auto const brief = context.within(short_look);
    bool silent = false;
    for (auto& slice : out.found) {
        auto const since = unasked_.find(unit_of(slice));
        if (since == unasked_.end()) continue;
        if (!silent) try {
                if (systemd_.loaded({unit_of(slice)}, all_units(), brief).empty())
                    unasked_.erase(since);
                else if (slice.file == "intact")
                    slice.file = stale;
                continue;
            } catch (Expired const&) {
                silent = true;
            }
        if (slice.file == "intact") slice.file = unasked;
        out.in_progress.emplace_back(slice.name.str(), Progress{"waits for systemd to answer", {}, since->second});
    }
}

std::vector<Outcome> SystemdDriver::apply(std::span<Step<Slice> const> steps, Context& context) {
    auto const dir = host::Dir::open(layout_.units);
    std::vector<Outcome> outcomes;
    for (auto const& step : steps) outcomes.push_back(one_step(context, [&] { return realise(dir, step); }));
    return outcomes;
}

// A write is noted before it is made: one that fails half way may have changed the file.
Outcome SystemdDriver::realise(host::Dir const& dir, Step<Slice> const& step) {
    auto const unit = unit_of(step.subject());
    if (!is_ours(unit)) return {Outcome::terminal, unit + " is not the name of an account's slice"};
    if (step.verb == Verb::remove) {
        if (dir.remove(unit) && manager_ == Manager::running) removed_.insert(unit);
        changed_.erase(unit);
        unasked_.erase(unit);
        return {};
    }
    bool const known = changed_.contains(unit);
    changed_.insert(unit);
    bool const changed = dir.write(unit, render(step.want), owner, false) || step.have.file == stale;
    if (!changed && !known) changed_.erase(unit);
    removed_.erase(unit);
    return {};
}

// Repeated as a whole when it fails: what is still to be made known is only forgotten at the end.
CommitResult SystemdDriver::commit(Context& context) {
    if (manager_ == Manager::none || (changed_.empty() && removed_.empty())) return {};
    std::vector<std::string> gone;
    bool known = false;
    try {
        auto const brief = context.within(at_once);
        for (auto const& [unit, state] : systemd_.loaded({removed_.begin(), removed_.end()}, all_units(), brief))
            gone.push_back(unit);
        known = !systemd_.loaded({changed_.begin(), changed_.end()}, all_units(), brief).empty();
    } catch (Expired const&) {
        context.check();
        return ask_later(context);
    }
    CommitResult out;
    auto [not_ended, going_on] = systemd_.stop(gone, short_look, context);  // a service in it may take its time
    for (auto const& unit : going_on) not_ended[unit] = "has not ended yet";
    for (auto const& [unit, why] : not_ended)
        out.records.push_back(
            {{std::string(Describe<Slice>::kind), std::string(name_of(unit))}, {Outcome::retry, "stop: " + why}});
    systemd_.reset_failed(gone, context);
    std::erase_if(removed_, [&](std::string const& unit) { return !not_ended.contains(unit); });
    if (known) systemd_.daemon_reload(context);
    for (auto const& unit : changed_) unasked_.erase(unit);
    changed_.clear();
    return out;
}

CommitResult SystemdDriver::ask_later(Context& context) {
    CommitResult out;
    auto const say = [&](std::string const& unit, Outcome outcome) {
        out.records.push_back({{std::string(Describe<Slice>::kind), std::string(name_of(unit))}, std::move(outcome)});
    };
    for (auto const& unit : changed_) {
        unasked_.try_emplace(unit, context.clock.now());
        say(unit, {Outcome::in_progress, "waits for systemd to answer"});
    }
    for (auto const& unit : removed_) say(unit, {Outcome::retry, "systemd does not answer"});
    changed_.clear();
    return out;
}

}  // namespace genesis
