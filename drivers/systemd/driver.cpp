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
constexpr host::Owner owner{0, 0, 0644};

std::vector<std::string> all_units() { return {std::string(prefix) + "*" + std::string(suffix)}; }

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

Unmanaged<Slice> unmanaged(std::string_view name, std::string const& why) {
    Slice value;
    value.name = UnitName::checked(name);
    return {value, why};
}

}  // namespace

SystemdDriver::Known SystemdDriver::read_unit(host::Dir const& dir, std::string const& unit) const {
    auto const name = std::string_view(unit).substr(0, unit.size() - suffix.size());
    try {
        auto const file = dir.read(unit);
        auto slice = file ? parse(file->bytes, name) : std::nullopt;
        if (!slice) return {std::nullopt, unmanaged(name, layout_.units + "/" + unit + " exists and is not ours")};
        if (slice->file == "intact") slice->file = host::compare(*file, render(*slice), owner);
        return {std::move(slice), {}};
    } catch (Fault const& fault) {  // a link, or no file at all
        return {std::nullopt, unmanaged(name, fault.what())};
    }
}

Observed<Slice> SystemdDriver::observe(Of<Slice>, Scope const& scope, Context& context) {
    auto const dir = host::Dir::open(layout_.units);
    std::vector<std::string> units;
    for (auto const& key : scope.keys) units.push_back(key + std::string(suffix));
    if (scope.everything()) units = dir.list();
    Observed<Slice> out;
    for (auto const& unit : units) {
        if (!is_ours(unit)) continue;
        context.check();
        auto const seen = dir.look(unit);
        if (!seen) continue;
        auto const& known = cache_.get(unit, {seen}, [&] { return read_unit(dir, unit); });
        if (known.slice)
            out.found.push_back(*known.slice);
        else
            out.unmanaged.push_back(known.unmanaged);
    }
    if (scope.everything()) cache_.trim(out.found.size() + out.unmanaged.size());
    if (manager_ == Manager::told && !checked_) note_stale(out, context);
    checked_ = checked_ || scope.everything();
    return out;
}

// The daemon that wrote a file may have died before systemd read it again. Asked until all were seen once: later changes are
// our own.
void SystemdDriver::note_stale(Observed<Slice>& out, Context& context) {
    std::vector<std::string> units;
    for (auto const& slice : out.found)
        if (slice.file == "intact") units.push_back(unit_of(slice));
    auto const loaded = systemd_.loaded(units, all_units(), context);
    for (auto& slice : out.found)
        if (loaded.contains(unit_of(slice)) && systemd_.needs_reload(unit_of(slice), context)) slice.file = stale;
}

std::vector<Outcome> SystemdDriver::apply(std::span<Step<Slice> const> steps, Context& context) {
    auto const dir = host::Dir::open(layout_.units);
    std::vector<Outcome> outcomes;
    for (auto const& step : steps) {
        context.check();
        auto const unit = unit_of(step.subject());
        try {
            if (!is_ours(unit)) {
                outcomes.push_back({Outcome::terminal, unit + " is not the name of an account's slice"});
            } else if (step.verb == Verb::remove) {
                if (dir.remove(unit)) removed_.insert(unit);
                outcomes.emplace_back();
            } else {
                if (dir.write(unit, render(step.want), owner, false) || step.have.file == stale) changed_.insert(unit);
                outcomes.emplace_back();
            }
        } catch (Fault const& fault) {
            outcomes.push_back({Outcome::retry, fault.what()});
        }
    }
    return outcomes;
}

// Repeated as a whole when it fails: what is still to be made known is only forgotten at the end.
CommitResult SystemdDriver::commit(Context& context) {
    if (manager_ == Manager::none || (changed_.empty() && removed_.empty())) return {};
    std::vector<std::string> gone;
    for (auto const& [unit, state] : systemd_.loaded({removed_.begin(), removed_.end()}, all_units(), context))
        gone.push_back(unit);
    bool const known = !systemd_.loaded({changed_.begin(), changed_.end()}, all_units(), context).empty();
    CommitResult out;
    for (auto const& [unit, why] : systemd_.stop(gone, context))
        out.records.push_back({{std::string(Describe<Slice>::kind), unit.substr(0, unit.size() - suffix.size())},
                                {Outcome::retry, "stop: " + why}});
    systemd_.reset_failed(gone, context);
    if (known) systemd_.daemon_reload(context);
    changed_.clear();
    removed_.clear();
    return out;
}

}  // namespace genesis
