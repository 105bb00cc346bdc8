// Reads events from the store in batches.
#include "reconciler/api/http/event_stream.hpp"

#include <algorithm>

namespace genesis {
namespace {

constexpr std::size_t batch = 100;

}  // namespace

std::size_t EventSignal::add(std::string who, std::function<void()> wake) {
    std::lock_guard const lock(mutex_);
    subscribers_.emplace(++next_, Subscriber{std::move(who), std::move(wake)});
    return next_;
}
void EventSignal::remove(std::size_t subscriber) {
    std::lock_guard const lock(mutex_);
    subscribers_.erase(subscriber);
}
void EventSignal::notify() {
    std::lock_guard const lock(mutex_);
    for (auto const& [id, subscriber] : subscribers_) subscriber.wake();
}
std::size_t EventSignal::subscribers() const {
    std::lock_guard const lock(mutex_);
    return subscribers_.size();
}

std::size_t EventSignal::subscribers(std::string_view who) const {
    std::lock_guard const lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(subscribers_.begin(), subscribers_.end(), [&](auto const& l) { return l.second.who == who; }));
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
    out.incomplete = trail.event_range().pruned > after;  // read after the events
    return out;
}

}  // namespace genesis
