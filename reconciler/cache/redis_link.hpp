// One connection to a Redis, kept up on a thread of its own; whoever asks waits for a bounded time or not at all.
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
    std::string address;  // of IPv4 or IPv6: a name would have to be looked up, which may take seconds
    int port = 6379;
    int database = 0;
    Secret password;                                                  // of the user "default"; empty when it has none
    std::chrono::milliseconds deadline{25};                           // of each question
    std::chrono::milliseconds first_pause{100}, longest_pause{5000};  // between attempts to reach it
};

// What Redis said, when it was a text or a number.
struct RedisReply {
    std::optional<std::string> text;
    std::optional<std::int64_t> number;
};

class RedisLink {
public:
    // Returns at once and connects in the background, again and again. Throws Fault when the process has no descriptor
    // left.
    RedisLink(RedisServer server, Clock const& clock, Log& log);
    ~RedisLink();
    RedisLink(RedisLink const&) = delete;
    RedisLink& operator=(RedisLink const&) = delete;

    // One command and its answer. Nothing when Redis is not there (known at once), when it does not answer within the
    // deadline (then the connection is given up, and nobody waits until there is a new one), and when the answer is an
    // error.
    std::optional<RedisReply> ask(std::vector<std::string> command);
    // A command whose answer nobody waits for. Not sent when Redis is not there, or when too much waits already.
    void tell(std::vector<std::string> command);
    // Whether Redis answered when it was last asked.
    [[nodiscard]] bool up() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
