// From a request to its answer, on the connection's own executor wherever nothing has to be waited for.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>

namespace genesis {

// Where handlers run that may take long or wait, apart from each other: a look at the whole server must not hold up a
// write, nor either of them what tells whether we live. `questions` are for the loop, which answers when it has time.
struct Lanes {
    static constexpr int most_questions = 32;  // at once; more are answered with 503
    boost::asio::any_io_executor looks, writes, probes, questions;
    std::atomic<int>& asked;     // questions that are not answered yet
    std::atomic<int>& in_store;  // calls that the store has not told the end of: it still needs the executors
};

// As answer() does, awaited. Everything given outlives it. Starts and ends on the coroutine's executor; a put and a
// look at one object need no other thread but the store's.
boost::asio::awaitable<Answered> answering(Service const& service, Authenticator const& authenticator,
                                           Request const& request, Connection const& connection, Lanes lanes);

}  // namespace genesis
