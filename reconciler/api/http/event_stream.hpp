// Server-sent events (WHATWG HTML, 9.2): what is sent, and how those who follow are woken.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace genesis {

// One ring wakes everybody who listens. Thread-safe.
class EventSignal {
public:
    // `wake` is called from any thread under a lock and must return at once.
    std::size_t add(std::string who, std::function<void()> wake);
    void remove(std::size_t subscriber);  // `wake` is not called any more once this returns
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
    std::string text;         // of the events that are wanted, as they are sent
    std::int64_t last = 0;    // the highest seq that was looked at
    bool more = false;        // there may be more at once
    bool incomplete = false;  // some before `last` are no longer kept: to be cut off, so that nobody misses them unseen
};
// At most a hundred events after `after`. Asks the store; may block.
EventBatch next_events(Trail& trail, std::int64_t after, std::string const& kind);
// id, event and data of one event.
std::string event_text(Event const& event);

}  // namespace genesis
