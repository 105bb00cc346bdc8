// What the API needs of the running loop; a port, so that answering requests links no loop and no driver.
#pragma once
#include "reconciler/store/objects.hpp"

#include <future>

namespace genesis {

struct Engine {
    virtual ~Engine() = default;
    // Called on the store's writing thread too: returns at once, and asks nothing of the store.
    virtual void wake(Ref const& object) = 0;
    virtual void wake_all() = 0;
    // {"steps": [{verb, kind, key, object, cause, changes: [{path, from, to}]}], "holds": [{kind, key, object, reason,
    //  message, changes}], "settles": ["apache: one config test and one reload"]} for one object or everything, looked
    //  at
    // now; nothing is done. The future fails with Fault when the loop is stopping.
    virtual std::future<json::object> plan(std::optional<Ref> const& object) = 0;
    // The same for an object that is not stored (yet) as given: a dry run. `removed`: as if it were deleted.
    virtual std::future<json::object> preview(Object const& object) = 0;
    // {"observed_generation", "conditions": […], "records": […]} as Describe<Status> has it.
    virtual json::object status(Object const& object) = 0;
    // Another text after each change of what status() says that is not one of the stored object; asked before status(),
    // it is never newer. Where two engines, of two processes even, say the same text, they say the same of equal
    // objects: an engine that knows no more than what is stored says "stored". Nothing: it cannot tell.
    virtual std::optional<std::string> status_version() { return std::nullopt; }
    // Reasons why the loop is not ready (no full pass yet, a driver blind); empty when it is.
    virtual std::vector<std::string> not_ready() = 0;
};

}  // namespace genesis
