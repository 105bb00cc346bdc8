// HTTP/1.1 on sockets that the caller has bound: bounded, with deadlines, many requests at a time.
#pragma once
#include "reconciler/api/http/connection_limiter.hpp"
#include "reconciler/api/routes/routes.hpp"

#include <memory>

namespace genesis {

class TlsCertificate;

// Each phase of a connection has a deadline of its own, however many bytes trickle in meanwhile.
struct Deadlines {
    using Milliseconds = std::chrono::milliseconds;
    Milliseconds handshake{10000};  // of TLS
    Milliseconds first{10000};      // until a request begins, while nobody knows who is there
    Milliseconds idle{60000};       // until the next one, once somebody does
    Milliseconds head{10000};       // from a request's first byte to its empty line
    Milliseconds body{30000};
    Milliseconds answer{30000};  // until the peer has taken it
    Milliseconds linger{1000};
    Milliseconds heartbeat{15000};  // a comment in a stream of events that has nothing to say
    Milliseconds trust{1000};       // a stream outlives the key that opened it by no more than this
    Milliseconds stream{3600000};   // then who follows connects, and proves who it is, anew
};

// One place where requests come in.
struct Listener {
    int fd = -1;                          // bound and listening, non-blocking; the server owns it from now on
    Authenticator const* who;             // outlives the server
    TlsCertificate const* tls = nullptr;  // null: not encrypted; outlives the server
    std::string address{};                // for people: "https://0.0.0.0:8443"
    ConnectionLimiter::Limits most{};
};

// Puts and looks at one object wait for the store without a thread, all else on threads of its own, so a slow commit
// holds up nobody but who waits for it.
class ApiServer {
public:
    explicit ApiServer(Service service, Deadlines deadlines = {});
    ~ApiServer();  // stop()
    ApiServer(ApiServer const&) = delete;
    ApiServer& operator=(ApiServer const&) = delete;

    // Opens one more listener and returns at once. Not after stop().
    void serve(Listener listener);
    // Wakes those who follow the events. From any thread; returns at once.
    void events_came();
    // No new connections; requests under way are answered for at most five seconds; then all is closed.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
