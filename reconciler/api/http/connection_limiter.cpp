// The slots of one listener under one lock, taken when a connection starts, ends or sends a long body.
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

ConnectionLimiter::Slot::Slot(ConnectionLimiter& limiter, std::string address, std::function<void()> close)
    : limiter_(limiter), address_(std::move(address)), close_(std::move(close)) {
    set_idle();
}

ConnectionLimiter::Slot::~Slot() {
    std::lock_guard const lock(limiter_.mutex_);
    limiter_.release_slot(*this);
}

void ConnectionLimiter::Slot::set_idle() { since_ = std::chrono::steady_clock::now().time_since_epoch().count(); }

bool ConnectionLimiter::Slot::hold(std::size_t bytes) {
    std::lock_guard const lock(limiter_.mutex_);
    if (released_) return false;
    while (limiter_.held_ + bytes > limiter_.limits_.body_bytes)
        if (!limiter_.evict([this](Slot const& other) { return other.held_ > 0 && &other != this; })) return false;
    held_ += bytes;
    limiter_.held_ += bytes;
    return true;
}

void ConnectionLimiter::Slot::release() {
    if (held_ == 0) return;
    std::lock_guard const lock(limiter_.mutex_);
    limiter_.held_ -= held_;
    held_ = 0;
}

// Under the lock. What the slot held is free at once; its connection closes a little later.
void ConnectionLimiter::release_slot(Slot& slot) {
    if (slot.released_) return;
    slot.released_ = true;
    slots_.erase(&slot);
    count(-1);
    held_ -= slot.held_;
    slot.held_ = 0;
    if (auto const it = by_address_.find(slot.address_); --it->second == 0) by_address_.erase(it);
}

template <class Which>
bool ConnectionLimiter::evict(Which which) {
    Slot* first = nullptr;
    auto const rank = [](Slot const& slot) { return std::tuple(slot.known_.load(), slot.since_.load()); };
    for (auto* const slot : slots_)
        if (slot->idle() && which(*slot) && (first == nullptr || rank(*slot) < rank(*first))) first = slot;
    if (first == nullptr) return false;
    first->close_();
    release_slot(*first);
    return true;
}

std::unique_ptr<ConnectionLimiter::Slot> ConnectionLimiter::admit(std::string const& address,
                                                                  std::function<void()> close) {
    std::unique_ptr<Slot> slot(new Slot(*this, network_of(address), std::move(close)));
    std::lock_guard const lock(mutex_);
    auto const of_address = by_address_.find(slot->address_);
    bool fits = of_address == by_address_.end() || of_address->second < limits_.per_address ||
                evict([&](Slot const& other) { return other.address_ == slot->address_; });
    fits = fits && (slots_.size() < limits_.total || evict([](Slot const&) { return true; }));
    if (!fits) {
        slot->released_ = true;
        return nullptr;  // the slot's destructor set_idle for the lock
    }
    slots_.insert(slot.get());
    ++by_address_[slot->address_];
    count(1);
    return slot;
}

void ConnectionLimiter::count(int change) const {
    if (metrics_ != nullptr) metrics_->connections(change);
}

std::size_t ConnectionLimiter::size() const {
    std::lock_guard const lock(mutex_);
    return slots_.size();
}

}  // namespace genesis
