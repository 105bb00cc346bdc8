// Speaks HTTP/1.1 to the daemon over its unix socket.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace genesis::cli {

// An object as people name it: kind/name. `name` is empty when a whole kind is meant.
struct Target {
    ObjectKind const* kind = nullptr;
    std::string name;
    [[nodiscard]] std::string str() const;   // account/acme
    [[nodiscard]] std::string path() const;  // /v1/accounts/acme
};
// Throws Misuse when there is no such kind, or the name could not be one.
Target target_of(std::string_view text);
Target object_of(std::string_view text);  // the same, and a name must be there

struct Answer {
    unsigned status = 0;
    json::value body;
    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

class Client {
public:
    explicit Client(std::string socket, std::chrono::seconds patience = std::chrono::seconds(60))
        : socket_(std::move(socket)), patience_(patience) {}

    // One request on a connection of its own. Throws Failure when the daemon cannot be reached, does not answer in
    // time, or answers with something that is not JSON.
    [[nodiscard]] Answer send(std::string_view method, std::string const& target,
                              std::optional<json::value> const& body = {}) const;
    // The same, but an answer that is not 2xx is a Failure with its problems in one text.
    json::value ask(std::string_view method, std::string const& target,
                    std::optional<json::value> const& body = {}) const;

private:
    std::string socket_;
    std::chrono::seconds patience_;
};

}  // namespace genesis::cli
