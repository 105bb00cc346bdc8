// What the connections of a server share, and how one is started.
#pragma once
#include "reconciler/api/http/access_log.hpp"
#include "reconciler/api/http/event_stream.hpp"
#include "reconciler/api/http/server.hpp"
#include "reconciler/api/routes/dispatch.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>

namespace genesis {

using Socket = boost::asio::generic::stream_protocol::socket;  // TCP or unix

struct Core {
    Core(Service given, Deadlines until) : service(std::move(given)), deadlines(until) {}

    static constexpr std::size_t writers = 8;  // mostly asleep in a shared commit; puts need none
    static constexpr std::size_t readers = 8;
    static constexpr std::size_t probers = 2;
    static constexpr std::size_t planners = PlanSlots::most;  // asleep: no caller's plans stand behind another's
    static constexpr std::size_t most_streams = 256, most_streams_each = 32;

    Service const service;
    Deadlines const deadlines;
    AccessLog log{service.log};
    EventSignal events;
    std::atomic<int> requests = 0;  // under way
    std::atomic<bool> stopping = false;
    std::atomic<int> in_store = 0;
    PlanSlots plan_slots;
    boost::asio::thread_pool writing{writers}, reading{readers}, probing{probers}, planning{planners};

    Lanes lanes() {
        return {reading.get_executor(),
                writing.get_executor(),
                probing.get_executor(),
                planning.get_executor(),
                plan_slots,
                in_store};
    }
};

struct OpenListener {
    OpenListener(Listener given, Metrics* metrics) : listener(std::move(given)), limiter(listener.most, metrics) {}
    Listener const listener;
    ConnectionLimiter limiter;
};

// Serves the connection until it ends. On the socket's strand; core and listener outlive the connection.
void start_session(Core& core, OpenListener& listener, Socket socket);

}  // namespace genesis
