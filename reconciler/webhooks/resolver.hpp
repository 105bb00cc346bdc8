// Resolves a host on a thread that nobody has to wait for: getaddrinfo(3) may block and cannot be cancelled.
#pragma once
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace genesis {

using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;  // in the order to try them

// Resolves a host and port. May throw or block for ever and is not joined at exit: it must own everything it uses.
using Lookup = std::function<Addresses(std::string const& host, std::string const& port)>;
Addresses system_lookup(std::string const& host, std::string const& port);

// For one host, used by one thread. One lookup at a time; one that times out goes on and may outlive this object.
class Resolver {
public:
    Resolver(std::string host, std::string port, Lookup lookup);

    // At least one address. Throws Fault when there is none, Expired on timeout or stop. The result of a lookup that
    // timed out is used by the next call.
    Addresses resolve(std::chrono::milliseconds timeout, std::stop_token const& stop);

private:
    struct UnderWay;
    void start();

    std::string const host_, port_;
    Lookup const lookup_;
    std::shared_ptr<UnderWay> under_way_;
};

}  // namespace genesis
