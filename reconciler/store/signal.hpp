// One signal to many listeners, each for as long as it keeps its subscription.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace genesis {

class Signal {
    struct Listeners {
        std::mutex mutex;
        std::map<int, std::function<void()>> all;
        int next = 0;
    };

public:
    // Once it is gone its listener is not called any more; the fan may go before it.
    class Subscription {
    public:
        Subscription() = default;
        Subscription(Subscription&& other) noexcept : listeners_(std::move(other.listeners_)), id_(other.id_) {}
        Subscription& operator=(Subscription&& other) noexcept {
            std::swap(listeners_, other.listeners_);
            std::swap(id_, other.id_);
            return *this;
        }
        Subscription(Subscription const&) = delete;
        Subscription& operator=(Subscription const&) = delete;
        ~Subscription() {
            if (!listeners_) return;
            std::lock_guard const lock(listeners_->mutex);  // waits for a call under way
            listeners_->all.erase(id_);
        }

    private:
        friend class Signal;
        Subscription(std::shared_ptr<Listeners> listeners, int id) : listeners_(std::move(listeners)), id_(id) {}
        std::shared_ptr<Listeners> listeners_;
        int id_ = 0;
    };

    // From any thread. The listener must return at once and may not subscribe or end a subscription itself.
    [[nodiscard]] Subscription listen(std::function<void()> listener) {
        std::lock_guard const lock(listeners_->mutex);
        int const id = listeners_->next++;
        listeners_->all.emplace(id, std::move(listener));
        return {listeners_, id};
    }
    void notify() const {
        std::lock_guard const lock(listeners_->mutex);
        for (auto const& [id, listener] : listeners_->all) listener();
    }

private:
    std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
};

}  // namespace genesis
