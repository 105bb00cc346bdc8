// One HTTPS connection that waits for its answer, and gives up after a while.
#pragma once
#include "drivers/host/openssl.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

namespace genesis::load {

struct Address {
    std::string host;  // a numeric IPv4 address
    unsigned short port = 8443;
    std::string from{};  // one of this machine's to ask from; "": any
};

// No connection, or none any more: whether the request was done is not known.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Reply {
    int status = 0;
    std::string head, body;
    [[nodiscard]] std::string header(std::string_view name) const;  // "" when it is not there
};

// A TCP connection; throws Broken when there is none within `patience`, which bounds each later send and receive too.
int connect_to(Address const& address, std::chrono::milliseconds patience);

// Whatever certificate the server shows. Every call throws Broken.
class Wire {
public:
    explicit Wire(Address const& address, std::chrono::milliseconds patience = std::chrono::seconds(20));
    ~Wire();
    Wire(Wire const&) = delete;
    Wire& operator=(Wire const&) = delete;

    void send(std::string_view bytes);
    Reply receive();
    Reply ask(std::string_view request) {
        send(request);
        return receive();
    }

private:
    void more();
    int fd_ = -1;
    host::ServerPtr context_;
    host::ConnectionPtr ssl_;
    std::string in_;
};

}  // namespace genesis::load
