// A lookup and its caller share the result, whichever of them ends first.
#include "reconciler/webhooks/resolver.hpp"

#include "drivers/context.hpp"

#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace genesis {

Addresses system_lookup(std::string const& host, std::string const& port) {
    boost::asio::io_context io(1);
    boost::system::error_code error;
    auto const results = boost::asio::ip::tcp::resolver(io).resolve(host, port, error);
    if (error) throw Fault(error.message());
    Addresses out;
    for (auto const& entry : results) out.push_back(entry.endpoint());
    return out;
}

struct Resolver::UnderWay {
    std::mutex mutex;
    std::condition_variable_any ended;
    bool done = false;
    Addresses found;
    std::string why = "it has no address";  // if nothing was found

    void look(Lookup const& lookup, std::string const& host, std::string const& port) {
        Addresses addresses;
        std::string fault;
        try {
            addresses = lookup(host, port);
        } catch (std::exception const& error) {
            fault = error.what();
        }
        std::lock_guard const lock(mutex);
        found = std::move(addresses);
        if (!fault.empty()) why = std::move(fault);
        done = true;
        ended.notify_all();
    }
    bool failed() {
        std::lock_guard const lock(mutex);
        return done && found.empty();
    }
};

Resolver::Resolver(std::string host, std::string port, Lookup lookup)
    : host_(std::move(host)), port_(std::move(port)), lookup_(std::move(lookup)) {}

void Resolver::start() {
    auto const state = std::make_shared<UnderWay>();
    std::thread([state, lookup = lookup_, host = host_, port = port_] { state->look(lookup, host, port); }).detach();
    under_way_ = state;
}

Addresses Resolver::resolve(std::chrono::milliseconds timeout, std::stop_token const& stop) {
    if (!under_way_ || under_way_->failed()) start();
    auto const state = under_way_;
    std::unique_lock lock(state->mutex);
    if (!state->ended.wait_for(lock, stop, timeout, [&] { return state->done; }))
        throw Expired(host_ + " cannot be resolved: " + (stop.stop_requested() ? "stopping" : "timed out"));
    under_way_.reset();
    if (state->found.empty()) throw Fault(host_ + " cannot be resolved: " + state->why);
    return state->found;
}

}  // namespace genesis
