// Server-sent events (WHATWG HTML, 9.2): their text, and the signal that wakes the streams.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace genesis {

// Wakes all subscribers at once. Thread-safe.
class EventSignal {
public:
    // `wake` is called from any thread under a lock; it must return at once.
    std::size_t add(std::string who, std::function<void()> wake);
    void remove(std::size_t subscriber);  // after this returns `wake` is not called
    void notify();
    [[nodiscard]] std::size_t subscribers() const;
    [[nodiscard]] std::size_t subscribers(std::string_view who) const;

private:
    std::mutex mutable mutex_;
    struct Subscriber {
        std::string who;
        std::function<void()> wake;
    };
    std::map<std::size_t, Subscriber> subscribers_;
    std::size_t next_ = 0;
};

struct EventBatch {
    std::string text;         // of the events that match, as it is sent
    std::int64_t last = 0;    // the highest seq that was read
    bool more = false;        // there may be more already
    bool incomplete = false;  // some before `last` are no longer kept: the stream must end
};
// At most a hundred events after `after`, read from the store; may block.
EventBatch next_events(Trail& trail, std::int64_t after, std::string const& kind);
// The lines "id", "event" and "data" of one event.
std::string event_text(Event const& event);

}  // namespace genesis
