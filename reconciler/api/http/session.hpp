// What the connections of a server share, and the life of one of them.
#pragma once
#include "reconciler/api/http/access_log.hpp"
#include "reconciler/api/http/event_stream.hpp"
#include "reconciler/api/http/server.hpp"
#include "reconciler/api/routes/dispatch.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>

namespace genesis {

using Socket = boost::asio::generic::stream_protocol::socket;  // of TCP and of unix sockets alike

struct Core {
    Core(Service given, Deadlines until) : service(std::move(given)), deadlines(until) {}

    static constexpr std::size_t writers = 8;  // mostly asleep, in a commit that they share; puts need none of them
    static constexpr std::size_t readers = 8;
    static constexpr std::size_t probers = 2;
    static constexpr std::size_t planners = 8;
    static constexpr std::size_t most_streams = 256, most_streams_each = 32;

    Service const service;
    Deadlines const deadlines;
    AccessLog log{service.log};
    EventBell bell;
    std::atomic<int> requests = 0;  // under way
    std::atomic<bool> stopping = false;
    std::atomic<int> waiting_plans = 0, in_store = 0;
    boost::asio::thread_pool writing{writers}, reading{readers}, probing{probers}, planning{planners};

    Lanes lanes() {
        return {reading.get_executor(),  writing.get_executor(), probing.get_executor(),
                planning.get_executor(), waiting_plans,          in_store};
    }
};

struct OpenDoor {
    OpenDoor(Door given, Metrics* metrics) : door(std::move(given)), roster(door.most, metrics) {}
    Door const door;
    Roster roster;
};

// Serves the connection until it ends. On the socket's strand; core and door outlive the connection.
void start_session(Core& core, OpenDoor& door, Socket socket);

}  // namespace genesis
