// An HTTP/1.1 client for the unix socket of the daemon.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace genesis::cli {

// An object as kind/name, or a whole kind if `name` is empty.
struct Target {
    ObjectKind const* kind = nullptr;
    std::string name;
    [[nodiscard]] std::string str() const;   // account/acme
    [[nodiscard]] std::string path() const;  // /v1/accounts/acme
};
// Throws Misuse if there is no such kind or the name is not valid.
Target target_of(std::string_view text);
Target object_of(std::string_view text);  // the same, with a name required

struct Answer {
    unsigned status = 0;
    json::value body;
    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

class Client {
public:
    explicit Client(std::string socket, std::chrono::seconds timeout = std::chrono::seconds(60))
        : socket_(std::move(socket)), timeout_(timeout) {}

    // One request on its own connection. Throws Failure if the daemon cannot be reached, does not answer in time, or
    // does not answer with JSON.
    [[nodiscard]] Answer send(std::string_view method, std::string const& target,
                              std::optional<json::value> const& body = {}) const;
    // The same, but an answer other than 2xx throws a Failure with its problems.
    json::value ask(std::string_view method, std::string const& target,
                    std::optional<json::value> const& body = {}) const;
    // Every page of a kind. `filter`: "&ready=true" or nothing.
    [[nodiscard]] json::array list(Target const& kind, std::string const& filter = "") const;

private:
    std::string socket_;
    std::chrono::seconds timeout_;
};

// Whether the whole server is paused; false where the daemon does not say.
bool is_all_paused(Client const& client);
constexpr std::string_view resumes_all = "genesisctl resume --all";

}  // namespace genesis::cli
