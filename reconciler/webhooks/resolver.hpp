// Looks up where a receiver is, on a thread that nobody has to wait for: getaddrinfo(3) takes its time and cannot be
// stopped.
#pragma once
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace genesis {

using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;  // the first one is to be tried first

// Where a host and a port are. May throw and may take for ever, and is not waited for at the end of the program: it
// must own whatever it uses.
using Lookup = std::function<Addresses(std::string const& host, std::string const& port)>;
Addresses system_lookup(std::string const& host, std::string const& port);

// For one host, and one thread that asks. One lookup at a time: one that is too late goes on, and outlives this if need
// be.
class Resolver {
public:
    Resolver(std::string host, std::string port, Lookup lookup);

    // At least one. Throws Fault when there is none, Expired when that is not known in time or when it is stopped. What
    // a lookup finds after its time is taken by the next call.
    Addresses resolve(std::chrono::milliseconds patience, std::stop_token const& stop);

private:
    struct UnderWay;
    void start();

    std::string const host_, port_;
    Lookup const lookup_;
    std::shared_ptr<UnderWay> under_way_;
};

}  // namespace genesis
