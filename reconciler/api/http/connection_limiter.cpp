// The seats of one door under one lock, taken when a connection comes, goes or brings a long body.
#include "reconciler/api/http/connection_limiter.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdio>
#include <tuple>

namespace genesis {

std::string network_of(std::string const& address) {
    in6_addr six{};
    if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return address;
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        char text[4];
        (void)std::snprintf(text, sizeof text, "%02x", six.s6_addr[i]);
        out += text;
    }
    return out;
}

Roster::Seat::Seat(Roster& roster, std::string address, std::function<void()> close)
    : roster_(roster), address_(std::move(address)), close_(std::move(close)) {
    waits();
}

Roster::Seat::~Seat() {
    std::lock_guard const lock(roster_.mutex_);
    roster_.leave(*this);
}

void Roster::Seat::waits() { since_ = std::chrono::steady_clock::now().time_since_epoch().count(); }

bool Roster::Seat::hold(std::size_t bytes) {
    std::lock_guard const lock(roster_.mutex_);
    if (gone_) return false;
    while (roster_.held_ + bytes > roster_.limits_.body_bytes)
        if (!roster_.evict([this](Seat const& other) { return other.held_ > 0 && &other != this; })) return false;
    held_ += bytes;
    roster_.held_ += bytes;
    return true;
}

void Roster::Seat::release() {
    if (held_ == 0) return;
    std::lock_guard const lock(roster_.mutex_);
    roster_.held_ -= held_;
    held_ = 0;
}

// What the seat counts for is free at once; its connection follows. Under the lock.
void Roster::leave(Seat& seat) {
    if (seat.gone_) return;
    seat.gone_ = true;
    seats_.erase(&seat);
    count(-1);
    held_ -= seat.held_;
    seat.held_ = 0;
    if (auto const it = by_address_.find(seat.address_); --it->second == 0) by_address_.erase(it);
}

template <class Which>
bool Roster::evict(Which which) {
    Seat* first = nullptr;
    auto const rank = [](Seat const& seat) { return std::tuple(seat.known_.load(), seat.since_.load()); };
    for (auto* const seat : seats_)
        if (seat->idle() && which(*seat) && (first == nullptr || rank(*seat) < rank(*first))) first = seat;
    if (first == nullptr) return false;
    first->close_();
    leave(*first);
    return true;
}

std::unique_ptr<Roster::Seat> Roster::admit(std::string const& address, std::function<void()> close) {
    std::unique_ptr<Seat> seat(new Seat(*this, network_of(address), std::move(close)));
    std::lock_guard const lock(mutex_);
    auto const of_address = by_address_.find(seat->address_);
    bool fits = of_address == by_address_.end() || of_address->second < limits_.per_address ||
                evict([&](Seat const& other) { return other.address_ == seat->address_; });
    fits = fits && (seats_.size() < limits_.total || evict([](Seat const&) { return true; }));
    if (!fits) {
        seat->gone_ = true;
        return nullptr;  // the seat's destructor waits for the lock
    }
    seats_.insert(seat.get());
    ++by_address_[seat->address_];
    count(1);
    return seat;
}

void Roster::count(int change) const {
    if (metrics_ != nullptr) metrics_->connections(change);
}

std::size_t Roster::size() const {
    std::lock_guard const lock(mutex_);
    return seats_.size();
}

}  // namespace genesis
