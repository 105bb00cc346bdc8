// Who asks: signs each request with a nonce of its own, and believes no answer that is not signed in turn.
#pragma once
#include "reconciler/api/auth/signing.hpp"
#include "tests/clients/load/wire.hpp"

#include <optional>

namespace genesis::load {

// An answer with 2xx whose signature is not the server's.
struct Unsigned : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Caller {
public:
    struct Who {
        Address address;
        std::string audience, kid, key_file;  // 64 hex digits
    };
    // Reads the key now. Throws std::runtime_error when there is none.
    explicit Caller(Who who);

    // The whole request; a body goes as JSON.
    std::string sign(std::string_view method, std::string_view target, std::string_view body = {});
    // On the connection it keeps, opened when there is none. Throws Broken, which loses that connection, and Unsigned.
    Reply ask(std::string_view method, std::string_view target, std::string_view body = {}) {
        return ask_signed(sign(method, target, body));
    }
    // What sign() returned last.
    Reply ask_signed(std::string const& request);
    // Any bytes, and any answer.
    Reply ask_raw(std::string const& request);
    // Connects until the server is there; throws Broken when it is not after so long.
    void reconnect(std::chrono::milliseconds within = std::chrono::seconds(60));
    void hang_up() { wire_.reset(); }
    void reload();  // the key file may have another key by now
    [[nodiscard]] Who const& who() const { return who_; }

private:
    void believe(Reply const& reply) const;
    Who const who_;
    Secret key_;
    std::string nonce_;  // of the last request
    std::optional<Wire> wire_;
};

}  // namespace genesis::load
