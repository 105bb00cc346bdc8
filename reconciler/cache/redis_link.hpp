// One connection to a Redis, kept open by a background thread; calls wait for a bounded time or not at all.
#pragma once
#include "drivers/context.hpp"
#include "resources/schema/secret.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace genesis {

struct RedisServer {
    std::string socket;   // path of its unix socket; empty: address and port
    std::string address;  // IPv4 or IPv6; no name, since resolving one may take seconds
    int port = 6379;
    int database = 0;
    Secret password;                                                  // of the user "default"; empty if it has none
    std::chrono::milliseconds deadline{25};                           // of each command
    std::chrono::milliseconds first_pause{100}, longest_pause{5000};  // between attempts to reach it
};

// A reply that is a text or a number.
struct RedisReply {
    std::optional<std::string> text;
    std::optional<std::int64_t> number;
};

class RedisLink {
public:
    // Returns at once; connects and reconnects in the background. Throws Fault if the process is out of descriptors.
    RedisLink(RedisServer server, Clock const& clock, Log& log);
    ~RedisLink();
    RedisLink(RedisLink const&) = delete;
    RedisLink& operator=(RedisLink const&) = delete;

    // One command and its reply. Nothing if Redis is unreachable (known at once), if it does not reply within the
    // deadline (the connection is then closed, and no call waits until there is a new one), or if the reply is an
    // error.
    std::optional<RedisReply> call(std::vector<std::string> command);
    // A command without waiting for its reply. Not sent if Redis is unreachable or too many commands are queued.
    void notify(std::vector<std::string> command);
    // Whether Redis is reachable.
    [[nodiscard]] bool up() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
