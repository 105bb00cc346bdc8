// An HTTP/1.1 server on sockets that the caller has bound, with limits and deadlines.
#pragma once
#include "reconciler/api/http/connection_limiter.hpp"
#include "reconciler/api/routes/routes.hpp"

#include <memory>

namespace genesis {

class TlsCertificate;

// Each phase of a connection has its own deadline, however many bytes arrive meanwhile.
struct Deadlines {
    using Milliseconds = std::chrono::milliseconds;
    Milliseconds handshake{10000};  // of TLS
    Milliseconds first{10000};      // until a request begins, before any was authenticated
    Milliseconds idle{60000};       // until the next one, after that
    Milliseconds head{10000};       // from the first byte of a request to its empty line
    Milliseconds body{30000};
    Milliseconds answer{30000};  // until the peer has received it
    Milliseconds linger{1000};
    Milliseconds heartbeat{15000};  // between comments in an event stream without events
    Milliseconds trust{1000};       // between checks of the key that opened an event stream
    Milliseconds stream{3600000};   // after which the client connects and authenticates again
};

// One listening socket and who may use it.
struct Listener {
    int fd = -1;                          // bound and listening, non-blocking; the server owns it from now on
    Authenticator const* authenticator;   // outlives the server
    TlsCertificate const* tls = nullptr;  // null: not encrypted; outlives the server
    std::string address{};                // for people: "https://0.0.0.0:8443"
    ConnectionLimiter::Limits most{};
};

// Handlers run in the lane of their route, so a slow request delays no request of another lane.
class ApiServer {
public:
    explicit ApiServer(Service service, Deadlines deadlines = {});
    ~ApiServer();  // stop()
    ApiServer(ApiServer const&) = delete;
    ApiServer& operator=(ApiServer const&) = delete;

    // Accepts connections on one more listener. Returns at once. Not after stop().
    void serve(Listener listener);
    // Wakes the event streams. From any thread; returns at once.
    void notify_events();
    // Accepts no more connections, gives requests under way at most five seconds, then closes all.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
