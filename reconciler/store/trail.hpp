// What happened, for later questions: who changed what, and the numbered events that others follow. A port.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/store/signal.hpp"
#include "reconciler/store/actor.hpp"
#include "resources/schema/schema.hpp"

#include <functional>
#include <string>
#include <vector>

namespace genesis {

// One write to the store, in the transaction that made it.
struct AuditEntry {
    std::int64_t id = 0;
    Time at{};
    std::string who, from, request;
    std::string action;  // put, delete, take-over, pause, resume, adopt, confirm, credentials, key-add, key-revoke …
    Ref object;          // {"key", kid} for keys
    std::int64_t generation = 0;
    json::array changes;  // [{path, from, to}], redacted
};

struct Event {
    std::int64_t seq = 0;  // rises by one or more, never again the same
    Time at{};
    std::string type;  // object.created, changed, terminating, removed, ready, not_ready, paused, resumed …
    Ref object;
    std::int64_t generation = 0;
    std::string request;  // the X-Request-Id of the request that caused it; empty when none did
    std::string why;      // the message of the ready condition, where it is one
};

// As it is published: {"seq", "at", "type", "object", "generation", "request", "why"}.
inline json::object describe(Event const& e) {
    return {{"seq", e.seq},
            {"at", iso(e.at)},
            {"type", e.type},
            {"object", e.object.str()},
            {"generation", e.generation},
            {"request", e.request},
            {"why", e.why}};
}

struct Trail {
    virtual ~Trail() = default;
    // The newest first, ids below `before` (0: from the newest).
    virtual std::vector<AuditEntry> audit(std::int64_t before, std::size_t limit) = 0;
    // The oldest first, seq above `after`.
    virtual std::vector<Event> events(std::int64_t after, std::size_t limit) = 0;
    // The highest seq that is no longer kept (0: all are), and the highest that was ever given.
    struct Range {
        std::int64_t pruned = 0, newest = 0;
    };
    virtual Range event_range() = 0;
    // Called after each commit that wrote events, while the subscription is kept; must return at once. Any number of
    // listeners.
    [[nodiscard]] virtual Signal::Subscription on_events(std::function<void()> listener) = 0;
    // How far somebody has read; 0 when never set.
    virtual std::int64_t cursor(std::string const& name) = 0;
    virtual void set_cursor(std::string const& name, std::int64_t seq) = 0;
};

}  // namespace genesis
