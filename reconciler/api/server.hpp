// HTTP/1.1 on a socket that the caller has bound: bounded, with deadlines, many requests at a time.
#pragma once
#include "reconciler/api/routes.hpp"

#include <memory>

namespace genesis {

// Requests wait for the store on threads of their own, so a slow commit holds up nobody but who waits for it.
class ApiServer {
public:
    explicit ApiServer(Service service);
    ~ApiServer();  // stop()
    ApiServer(ApiServer const&) = delete;
    ApiServer& operator=(ApiServer const&) = delete;

    // Takes a bound, listening unix socket, owns it from now on and returns at once. Call it once.
    void serve(int listening_fd);
    // No new connections; requests under way are answered for at most five seconds; then all is closed.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
