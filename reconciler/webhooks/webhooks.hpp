// Delivers events to webhook receivers: at least once, in order, each receiver on its own thread from its own cursor.
#pragma once
#include "reconciler/store/trail.hpp"
#include "reconciler/telemetry/metrics.hpp"
#include "reconciler/webhooks/http_client.hpp"
#include "reconciler/webhooks/receiver.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>

namespace genesis {

struct WebhookTimeouts {
    HttpTimeouts post;
    std::chrono::milliseconds first_pause{1000}, longest_pause{600000};  // between attempts at one event, plus jitter
    std::chrono::milliseconds poll{30000};                               // poll interval, in case a wake was missed
};

// Delivers to one receiver. A new receiver gets every event that is still kept. One event a POST; the next one only
// after a 2xx. A receiver that is slow or fails gets the same event again and delays no other receiver.
class WebhookDispatcher {
public:
    WebhookDispatcher(Receiver receiver, Trail& trail, Clock const& clock, Log& log, Metrics* metrics,
                      WebhookTimeouts timeouts);
    ~WebhookDispatcher();  // at once: a delivery under way counts as failed
    WebhookDispatcher(WebhookDispatcher const&) = delete;
    WebhookDispatcher& operator=(WebhookDispatcher const&) = delete;

    void wake();  // returns at once
    void stop();  // returns at once: no more deliveries begin, and the thread ends soon
    [[nodiscard]] std::string const& name() const { return receiver_.name.str(); }
    [[nodiscard]] std::int64_t cursor() const { return cursor_; }

private:
    void run(std::stop_token const& stop);
    void read_on(std::stop_token const& stop);
    [[nodiscard]] bool wants(Event const& event) const;
    void skip_pruned(std::vector<Event> const& events);
    bool deliver(Event const& event, std::stop_token const& stop);
    bool attempt(Event const& event, std::string const& body, int attempts);
    void sleep(std::chrono::milliseconds pause, std::stop_token const& stop);

    Receiver const receiver_;
    Endpoint const endpoint_;
    std::string const cursor_name_;
    Trail& trail_;
    Clock const& clock_;
    Log& log_;
    Metrics* const metrics_;
    WebhookTimeouts const timeouts_;
    HttpClient client_;
    std::atomic<std::int64_t> cursor_ = 0;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    bool woken_ = false;
    std::jthread thread_;  // last: it ends before what it uses
};

// The dispatchers of all receivers, woken by new events.
class Webhooks {
public:
    // Trail, clock, log and metrics outlive it.
    Webhooks(std::vector<Receiver> const& receivers, Trail& trail, Clock const& clock, Log& log, Metrics* metrics,
             WebhookTimeouts const& timeouts = {});
    ~Webhooks();  // stops all of them before it waits for any
    Webhooks(Webhooks const&) = delete;
    Webhooks& operator=(Webhooks const&) = delete;

private:
    std::shared_ptr<std::vector<std::unique_ptr<WebhookDispatcher>>> dispatchers_;
    Signal::Subscription subscription_;
};

}  // namespace genesis
