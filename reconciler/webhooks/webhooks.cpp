// Reads events, signs and posts them, and moves the cursor only after a 2xx.
#include "reconciler/webhooks/webhooks.hpp"

#include "drivers/host/files.hpp"
#include "reconciler/api/auth/signing.hpp"

#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

namespace genesis {
namespace {

constexpr std::size_t page = 100;

// 128 random bits as 22 characters of base64url (RFC 4648, 5).
std::string new_nonce() {
    std::array<unsigned char, 22> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) throw Fault("no random numbers");
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    for (auto const byte : random) out += alphabet[byte & 63U];
    out.back() = alphabet[random.back() & 48U];  // 22 times 6 bits are 132: the last four are zero
    return out;
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// Throws Fault unless the file belongs to the daemon's user, is readable by nobody else, and holds 64 hex characters.
Secret read_key(std::string const& path) {
    auto const [folder, name] = host::split(path);
    auto const file = host::Dir::open(folder).read(name, 128);
    if (!file) throw Fault("there is no key file " + path);
    if (file->seen.owner.uid != ::geteuid() || (file->seen.owner.mode & 077U) != 0)
        throw Fault("the key file " + path + " must belong to root and be readable by nobody else");
    Secret const text(file->bytes.ends_with('\n') ? file->bytes.substr(0, file->bytes.size() - 1) : file->bytes);
    auto const& hex = text.reveal();
    if (hex.size() != 64) throw Fault("the key file " + path + " must hold 64 hex characters");
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        auto const high = digit(hex[i]), low = digit(hex[i + 1]);
        if (high < 0 || low < 0) throw Fault("the key file " + path + " must hold 64 hex characters");
        bytes += static_cast<char>(high * 16 + low);
    }
    return Secret(std::move(bytes));
}

}  // namespace

WebhookDispatcher::WebhookDispatcher(Receiver receiver, Trail& trail, Clock const& clock, Log& log, Metrics* metrics,
                                     WebhookTimeouts timeouts)
    : receiver_(std::move(receiver)),
      endpoint_(endpoint_of(receiver_.url)),
      cursor_name_("webhook:" + receiver_.name.str()),
      trail_(trail),
      clock_(clock),
      log_(log),
      metrics_(metrics),
      timeouts_(timeouts),
      client_(endpoint_, receiver_.ca_file ? receiver_.ca_file->str() : "", timeouts.post),
      thread_([this](std::stop_token const& stop) { run(stop); }) {}

WebhookDispatcher::~WebhookDispatcher() { stop(); }

void WebhookDispatcher::stop() {
    thread_.request_stop();
    client_.stop();
}

void WebhookDispatcher::wake() {
    {
        std::lock_guard const lock(mutex_);
        woken_ = true;
    }
    wake_.notify_all();
}

void WebhookDispatcher::sleep(std::chrono::milliseconds pause, std::stop_token const& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, pause, [] { return false; });
}

void WebhookDispatcher::run(std::stop_token const& stop) {
    for (bool known = false; !stop.stop_requested();) {
        try {
            if (!known) cursor_ = trail_.cursor(cursor_name_);
            known = true;
            read_on(stop);
        } catch (std::exception const& error) {  // from the store; it may recover
            log_.write(Level::error, "a webhook cannot read events", {{"receiver", name()}, {"why", error.what()}});
            sleep(timeouts_.first_pause, stop);
            continue;
        }
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, stop, timeouts_.poll, [&] { return woken_; });
        woken_ = false;
    }
}

bool WebhookDispatcher::wants(Event const& event) const {
    auto const listed = [](auto const& list, std::string const& word) {
        return list.empty() ||
               std::any_of(list.begin(), list.end(), [&](auto const& known) { return known.str() == word; });
    };
    return listed(receiver_.events, event.type) && listed(receiver_.kinds, event.object.kind);
}

// Called after `events` were read: events that are pruned by then and not among them are lost.
void WebhookDispatcher::skip_pruned(std::vector<Event> const& events) {
    auto const pruned = trail_.event_range().pruned;
    auto const upto = events.empty() ? pruned : std::min(pruned, events.front().seq - 1);
    if (cursor_ >= upto) return;
    auto const lost = upto - cursor_;
    log_.write(Level::warning, "a webhook missed events that are no longer kept",
               {{"receiver", name()}, {"events", std::to_string(lost)}});
    if (metrics_ != nullptr) metrics_->skipped(name(), lost);
    trail_.set_cursor(cursor_name_, upto);
    cursor_ = upto;
}

void WebhookDispatcher::read_on(std::stop_token const& stop) {
    while (!stop.stop_requested()) {
        auto const events = trail_.events(cursor_, page);
        skip_pruned(events);
        if (events.empty()) return;
        bool passed = false;  // the cursor moved past filtered events and is not stored yet
        for (auto const& event : events) {
            passed = !wants(event);
            if (!passed && !deliver(event, stop)) return;
            if (!passed) trail_.set_cursor(cursor_name_, event.seq);
            cursor_ = event.seq;
        }
        if (passed) trail_.set_cursor(cursor_name_, cursor_);
    }
}

// True once the receiver answered 2xx, false if the daemon stops before.
bool WebhookDispatcher::deliver(Event const& event, std::stop_token const& stop) {
    std::mt19937_64 random{std::random_device{}()};
    auto const body = json::serialize(describe(event));
    auto pause = timeouts_.first_pause;
    for (int attempts = 1; !stop.stop_requested(); ++attempts) {
        if (attempt(event, body, attempts)) return true;
        std::uniform_int_distribution<std::int64_t> jitter(pause.count() * 8 / 10, pause.count() * 12 / 10);
        sleep(std::chrono::milliseconds(jitter(random)), stop);
        pause = std::min(pause * 2, timeouts_.longest_pause);
    }
    return false;
}

bool WebhookDispatcher::attempt(Event const& event, std::string const& body, int attempts) {
    std::string why;
    try {
        auto const key = read_key(receiver_.key_file.str());
        auto const ts = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
        auto const nonce = new_nonce();
        auto const text = string_to_sign(receiver_.kid, ts, nonce, "POST", receiver_.audience, endpoint_.target,
                                         "application/json", "", body);
        auto const status = client_.post(
            {{"Content-Type", "application/json"},
             {"X-Genesis-Event", std::to_string(event.seq)},
             {"Authorization", std::string(signing_scheme) + " kid=" + receiver_.kid.str() +
                                   ",ts=" + std::to_string(ts) + ",nonce=" + nonce + ",sig=" + hmac_hex(key, text)}},
            body);
        if (status >= 200 && status < 300) {
            if (metrics_ != nullptr) metrics_->delivery(name(), true);
            return true;
        }
        why = "answered " + std::to_string(status);
    } catch (std::exception const& error) {
        why = error.what();
    }
    if (metrics_ != nullptr) metrics_->delivery(name(), false);
    log_.write(Level::warning, "a webhook delivery failed",
               {{"receiver", name()},
                {"event", std::to_string(event.seq)},
                {"attempts", std::to_string(attempts)},
                {"why", why},
                {"request", event.request}});
    return false;
}

Webhooks::Webhooks(std::vector<Receiver> const& receivers, Trail& trail, Clock const& clock, Log& log, Metrics* metrics,
                   WebhookTimeouts const& timeouts)
    : dispatchers_(std::make_shared<std::vector<std::unique_ptr<WebhookDispatcher>>>()) {
    for (auto const& receiver : receivers)
        dispatchers_->push_back(std::make_unique<WebhookDispatcher>(receiver, trail, clock, log, metrics, timeouts));
    subscription_ = trail.on_events([dispatchers = dispatchers_.get()] {
        for (auto const& dispatcher : *dispatchers) dispatcher->wake();
    });
    if (metrics == nullptr) return;
    metrics->add_source([dispatchers = std::weak_ptr(dispatchers_), &trail](Gauges& out) {
        auto const all = dispatchers.lock();
        if (!all || all->empty()) return;
        auto const newest = trail.event_range().newest;
        for (auto const& dispatcher : *all)
            out.set("genesis_webhook_lag_events", "Events between the newest one and the last one delivered.",
                    static_cast<double>(newest - dispatcher->cursor()), {{"receiver", dispatcher->name()}});
    });
}

Webhooks::~Webhooks() {
    for (auto const& dispatcher : *dispatchers_) dispatcher->stop();
}

}  // namespace genesis
