// The port through which the API uses the reconcile loop, so that it links neither the loop nor a driver.
#pragma once
#include "reconciler/plan/plan.hpp"
#include "reconciler/store/objects.hpp"
#include "resources/status.hpp"

#include <future>

namespace genesis {

struct Engine {
    virtual ~Engine() = default;
    // Also called on the store's writing thread: returns at once and does not use the store.
    virtual void wake(Ref const& object) = 0;
    virtual void wake_all() = 0;
    // The plan for one object or for everything, from a new observation; nothing is changed. The future fails with
    // Fault when the loop is stopping.
    virtual std::future<Plan> plan(std::optional<Ref> const& object) = 0;
    // The same as if the object were stored as given: a dry run.
    virtual std::future<Plan> preview(Object const& object) = 0;
    virtual Status status(Object const& object) = 0;
    // A text that changes with each change of status() that is not a change of the stored object. Read before status(),
    // it is never newer. Two engines, even of two processes, with the same text return the same status for equal
    // objects; an engine that knows only what is stored returns "stored". Nothing: unknown.
    virtual std::optional<std::string> status_version() { return std::nullopt; }
    // Why the loop is not ready (no full pass yet, a driver unreachable); empty when it is.
    virtual std::vector<std::string> not_ready() = 0;
};

}  // namespace genesis
