// From a request to its answer, on the connection's own executor wherever nothing has to be waited for.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>

namespace genesis {

// The executors of each Lane but Lane::connection.
struct Lanes {
    static constexpr int most_plans = 32;  // at once; more are answered with 503
    boost::asio::any_io_executor reads, writes, probes, plans;
    std::atomic<int>& waiting_plans;
    std::atomic<int>& in_store;  // calls that the store has not told the end of: it still needs the executors
};

// As answer() does, awaited. Everything given outlives it. Starts and ends on the coroutine's executor; a put and a
// look at one object need no other thread but the store's.
boost::asio::awaitable<DispatchResult> dispatch(Service const& service, Authenticator const& authenticator,
                                                Request const& request, Connection const& connection, Lanes lanes);

}  // namespace genesis
