// From a request to its answer: authentication, routing, and the lane that the handler runs in.
#pragma once
#include "reconciler/api/routes/plan_slots.hpp"
#include "reconciler/api/routes/routes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>

namespace genesis {

// The executors of each Lane but Lane::connection.
struct Lanes {
    boost::asio::any_io_executor reads, writes, probes, plans;
    PlanSlots& plan_slots;       // where there is none, a plan is answered with 503
    std::atomic<int>& in_store;  // calls that the store has not completed: it still needs the executors
};

struct DispatchResult {
    Answer answer;
    std::string who{};  // empty: not authenticated
    std::optional<ReplyKey> reply{};
    std::int64_t keys = 0;        // for an event stream: the version of the keys before authentication
    std::optional<Time> until{};  // when the caller's key expires
};

// Never throws: every failure is an answer. All arguments outlive it. Starts and ends on the coroutine's executor;
// handlers of Lane::connection need no other thread but the store's.
boost::asio::awaitable<DispatchResult> dispatch(Service const& service, Authenticator const& authenticator,
                                                Request const& request, Connection const& connection, Lanes lanes);

// The same on the calling thread.
DispatchResult dispatch_and_wait(Service const& service, Authenticator const& authenticator, Request const& request,
                                 Connection const& connection);

}  // namespace genesis
