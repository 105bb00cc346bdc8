// Reads events from the trail in batches, and decides where a stream of them may begin.
#include "reconciler/api/event_stream.hpp"

#include "reconciler/api/handlers.hpp"

#include <algorithm>
#include <charconv>

namespace genesis {
namespace {

constexpr std::size_t batch = 100;

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t out = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size() || out < 0) return std::nullopt;
    return out;
}

Answer pruned(Trail::Range const& range) {
    auto out = problem(410, "events_pruned",
                       "events are kept from " + std::to_string(range.pruned + 1) + " on; read the objects anew");
    out.body.as_object()["oldest"] = range.pruned + 1;
    return out;
}

}  // namespace

std::size_t EventBell::add(std::string who, std::function<void()> wake) {
    std::lock_guard const lock(mutex_);
    listeners_.emplace(++next_, Listener{std::move(who), std::move(wake)});
    return next_;
}
void EventBell::remove(std::size_t listener) {
    std::lock_guard const lock(mutex_);
    listeners_.erase(listener);
}
void EventBell::ring() {
    std::lock_guard const lock(mutex_);
    for (auto const& [id, listener] : listeners_) listener.wake();
}
std::size_t EventBell::listeners() const {
    std::lock_guard const lock(mutex_);
    return listeners_.size();
}

std::size_t EventBell::listeners(std::string_view who) const {
    std::lock_guard const lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(listeners_.begin(), listeners_.end(), [&](auto const& l) { return l.second.who == who; }));
}

std::string event_text(Event const& event) {
    return "id: " + std::to_string(event.seq) + "\nevent: " + event.type +
           "\ndata: " + json::serialize(describe(event)) + "\n\n";
}

EventBatch next_events(Trail& trail, std::int64_t after, std::string const& kind) {
    EventBatch out;
    out.last = after;
    auto const events = trail.events(after, batch);
    for (auto const& event : events) {
        out.last = event.seq;
        if (kind.empty() || event.object.kind == kind) out.text += event_text(event);
    }
    out.more = events.size() == batch;
    out.incomplete = trail.event_range().pruned > after;  // asked after them: what was there then was there before
    return out;
}

// The header, with which a client that lost its connection goes on, counts before the parameter it began with.
Answer handlers::events(Service const& service, Call const& call) {
    auto const range = service.trail.event_range();
    auto after = range.newest;
    if (auto const it = call.query.find("after"); it != call.query.end()) after = number(it->second).value_or(after);
    if (auto const last = call.request.header("last-event-id"); !last.empty()) {
        auto const seen = number(last);
        if (!seen) return problem(400, "malformed", "Last-Event-ID must be a number");
        after = *seen;
    }
    if (after < range.pruned || after > range.newest) return pruned(range);  // or of a store that was set back
    Answer out;
    out.type = "text/event-stream";
    out.events_after = after;
    if (auto const it = call.query.find("kind"); it != call.query.end()) {
        out.events_kind = it->second;
        if (find_kind(it->second) == nullptr || find_kind(it->second)->schema->kind != it->second)
            return problem(400, "malformed", "there is no kind " + it->second);
    }
    return out;
}

}  // namespace genesis
