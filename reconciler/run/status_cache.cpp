// Statuses under one lock.
#include "reconciler/run/status_cache.hpp"

#include <algorithm>

namespace genesis {

std::map<std::string, std::string> reported_of(Schema const& schema, json::object const& found) {
    std::map<std::string, std::string> out;
    for (auto const& f : schema.fields) {
        if (!has(f.attributes, Attribute::reported)) continue;
        auto const* v = found.if_contains(f.name);
        if (v == nullptr || v->is_null()) continue;
        out.emplace(f.name, v->is_string() ? std::string(v->get_string()) : json::serialize(*v));
    }
    return out;
}

std::vector<RecordStatus> ObjectLines::all() const {
    std::vector<RecordStatus> out;
    out.reserve(size());
    for (auto const& [ref, line] : open) out.push_back(line);
    for (auto const& [ref, since] : in_sync) {
        RecordStatus line;
        line.kind = ref.kind;
        line.key = ref.key;
        line.since = iso(since);
        line.observed_at = iso(observed_at);
        for (auto const& value : reported)
            if (value.record == ref) line.reported = reported_of(*value.schema, value.found.unpack());
        out.push_back(std::move(line));
    }
    std::sort(out.begin(), out.end(),
              [](auto const& a, auto const& b) { return std::tie(a.kind, a.key) < std::tie(b.kind, b.key); });
    return out;
}

void StatusCache::set(Ref const& object, std::int64_t generation, Conditions conditions, ObjectLines lines,
                      std::string const& now) {
    std::lock_guard const lock(mutex_);
    auto& entry = entries_[object];
    for (auto& [record, line] : lines.open) {
        if (!line.since.empty()) continue;
        auto const former = entry.lines.open.find(record);
        line.since =
            former != entry.lines.open.end() && former->second.state == line.state ? former->second.since : now;
    }
    entry = {generation, std::move(conditions), std::move(lines)};
    ++version_;
}

void StatusCache::erase(Ref const& object) {
    std::lock_guard const lock(mutex_);
    entries_.erase(object);
    ++version_;
}

std::uint64_t StatusCache::version() const {
    std::lock_guard const lock(mutex_);
    return version_;
}

Status StatusCache::last_observed(Object const& object) const {
    std::lock_guard const lock(mutex_);
    auto const it = entries_.find(object.ref);
    if (it == entries_.end()) return {object.observed_generation, object.conditions, {}, {}};
    return {it->second.generation, *it->second.conditions, it->second.lines.all(), {}};
}

// What was ready before the last change is not ready for that.
Status StatusCache::status(Object const& object) const {
    auto out = last_observed(object);
    if (out.observed_generation >= object.generation) return out;
    for (auto& c : out.conditions) {
        if (!is_true(c, ConditionType::ready)) continue;
        c.status = Truth::no;
        c.reason = ConditionReason::not_observed;
        c.message = "generation " + std::to_string(object.generation) + " has not been observed yet; generation " +
                    std::to_string(out.observed_generation) + " was ready";
    }
    return out;
}

StatusCache::Tally StatusCache::tally() const {
    std::lock_guard const lock(mutex_);
    Tally out;
    for (auto const& [ref, entry] : entries_) {
        ++out.objects[{ref.kind, is_true(*entry.conditions, ConditionType::ready)}];
        for (auto const& [record, line] : entry.lines.open) ++out.records[line.state];
        if (!entry.lines.in_sync.empty()) out.records[SyncState::in_sync] += entry.lines.in_sync.size();
    }
    return out;
}

}  // namespace genesis
