// One connection: each phase has a deadline, and what is allocated follows what was received.
#include "reconciler/api/http/session.hpp"

#include "reconciler/api/http/http_message.hpp"
#include "reconciler/api/http/tls.hpp"
#include "reconciler/api/routes/dispatch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <array>
#include <cstdio>
#include <random>
#include <type_traits>

namespace genesis {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Plain = beast::basic_stream<asio::generic::stream_protocol>;
using Encrypted = asio::ssl::stream<Plain>;
using boost::system::error_code;

constexpr std::size_t piece = 4096;        // read at a time, of a head
constexpr std::size_t body_piece = 65536;  // read and allocated at a time, of a body
constexpr std::size_t short_body = 16384;  // not counted by the limiter
constexpr std::size_t buffer_limit = header_limit + piece;

std::string new_id() {
    thread_local std::mt19937_64 random{std::random_device{}()};  // only names a request in the log
    std::array<char, 17> out{};
    (void)std::snprintf(out.data(), out.size(), "%016llx", static_cast<unsigned long long>(random()));
    return out.data();
}

struct Count {  // one more while it lives
    explicit Count(std::atomic<int>& number) : number_(number) { ++number_; }
    ~Count() { --number_; }
    Count(Count const&) = delete;
    Count& operator=(Count const&) = delete;

private:
    std::atomic<int>& number_;
};

// The peer, as far as the kernel knows it.
Connection connection_of(Socket const& socket) {
    Connection out;
    out.peer = peer_of(const_cast<Socket&>(socket).native_handle());
    error_code error;
    auto const endpoint = socket.remote_endpoint(error);
    if (error) return out;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (endpoint.data()->sa_family == AF_INET)
        out.from = ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in const*>(endpoint.data())->sin_addr, text.data(),
                               text.size());
    if (endpoint.data()->sa_family == AF_INET6)
        out.from = ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6 const*>(endpoint.data())->sin6_addr,
                               text.data(), text.size());
    return out;
}

template <class Stream>
class Session final : public std::enable_shared_from_this<Session<Stream>> {
public:
    Session(Core& core, OpenListener& listener, Stream stream, Connection connection)
        : core_(core),
          listener_(listener),
          stream_(std::move(stream)),
          strand_(stream_.get_executor()),
          wakeup_(strand_),
          connection_(std::move(connection)) {}

    static void start(Core& core, OpenListener& listener, Stream stream, Connection connection);

private:
    asio::awaitable<void> run(std::shared_ptr<Session> self);
    asio::awaitable<bool> exchange();
    asio::awaitable<std::optional<Answer>> receive(Request& request);
    asio::awaitable<void> receive_body(Head& head);
    asio::awaitable<void> fill();
    asio::awaitable<void> send(std::string text);
    asio::awaitable<void> stream_events(DispatchResult const& result);
    asio::awaitable<std::optional<EventBatch>> next_batch(std::int64_t after, DispatchResult const& result);
    void refuse_too_many(DispatchResult& result) const;
    bool trusted(DispatchResult const& result) const;
    asio::awaitable<void> pause(std::int64_t last, std::string const& kind);
    asio::awaitable<void> linger();
    std::function<void()> on_strand(void (Session::*what)());
    void close_if_idle() {
        if (slot_->idle()) plain().close();
    }
    void wake() {
        woken_ = true;
        wakeup_.cancel();
    }
    Plain& plain() { return beast::get_lowest_layer(stream_); }
    void within(Deadlines::Milliseconds time) { plain().expires_after(time); }
    std::string_view read() const { return {static_cast<char const*>(in_.data().data()), in_.size()}; }

    static constexpr bool encrypted = std::is_same_v<Stream, Encrypted>;
    Core& core_;
    OpenListener& listener_;
    Stream stream_;
    asio::any_io_executor const strand_;
    asio::steady_timer wakeup_;
    bool woken_ = false;
    std::chrono::steady_clock::time_point sent_at_{};  // the last time
    Connection const connection_;
    std::unique_ptr<ConnectionLimiter::Slot> slot_;
    beast::flat_buffer in_{buffer_limit};
    bool keep_ = true;
};

// A function that calls `what` on the strand if the session still exists.
template <class Stream>
std::function<void()> Session<Stream>::on_strand(void (Session::*what)()) {
    return [strand = strand_, weak = this->weak_from_this(), what] {
        asio::post(strand, [weak, what] {
            if (auto const self = weak.lock()) ((*self).*what)();
        });
    };
}

template <class Stream>
void Session<Stream>::start(Core& core, OpenListener& listener, Stream stream, Connection connection) {
    auto const session = std::make_shared<Session>(core, listener, std::move(stream), std::move(connection));
    session->slot_ = listener.limiter.admit(session->connection_.from, session->on_strand(&Session::close_if_idle));
    if (session->slot_) asio::co_spawn(session->strand_, session->run(session), asio::detached);
}

template <class Stream>
asio::awaitable<void> Session<Stream>::run(std::shared_ptr<Session> /*self*/) {
    try {
        if constexpr (encrypted) {
            within(core_.deadlines.handshake);
            co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        }
        while (co_await exchange()) continue;
        co_await linger();
    } catch (std::exception const&) {  // the connection is broken or was too slow
    }
}

// Lets a peer that is still sending read the last answer: what it sends is discarded for a second.
template <class Stream>
asio::awaitable<void> Session<Stream>::linger() {
    slot_->set_idle();
    within(core_.deadlines.linger);
    error_code error;
    if constexpr (encrypted) co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
    plain().socket().shutdown(Socket::shutdown_send, error);
    std::array<char, piece> rest{};
    while (!error)
        co_await plain().async_read_some(asio::buffer(rest), asio::redirect_error(asio::use_awaitable, error));
}

template <class Stream>
asio::awaitable<void> Session<Stream>::fill() {
    auto const n = co_await stream_.async_read_some(in_.prepare(piece), asio::use_awaitable);
    in_.commit(n);
}

template <class Stream>
asio::awaitable<void> Session<Stream>::send(std::string text) {
    within(core_.deadlines.answer);
    sent_at_ = std::chrono::steady_clock::now();
    co_await asio::async_write(stream_, asio::buffer(text), asio::use_awaitable);
}

// Waits for a request, then reads head and body. Returns an answer if the request is refused.
template <class Stream>
asio::awaitable<std::optional<Answer>> Session<Stream>::receive(Request& request) {
    if (in_.size() == 0) {
        within(slot_->known() ? core_.deadlines.idle : core_.deadlines.first);
        co_await fill();
    }
    within(core_.deadlines.head);
    HeadScan scan;
    auto found = scan.look(read());
    while (found == HeadScan::more) {
        co_await fill();
        found = scan.look(read());
    }
    if (found == HeadScan::too_long) co_return problem(431, "headers_too_large", "the header is longer than 8 KiB");
    if (found == HeadScan::malformed) co_return problem(400, "malformed", "this is not HTTP/1.1");
    Head head;
    auto refused = read_head(read().substr(0, scan.size()), head);
    in_.consume(scan.size());
    keep_ = head.keep_alive;
    if (!refused && head.length > short_body && !slot_->hold(head.length))
        refused = problem(503, "unavailable", "too many long request bodies are being received");
    if (!refused && head.length > 0) co_await receive_body(head);
    request.method = std::move(head.request.method);
    request.target = std::move(head.request.target);
    request.headers = std::move(head.request.headers);
    request.body = std::move(head.request.body);
    co_return refused;
}

template <class Stream>
asio::awaitable<void> Session<Stream>::receive_body(Head& head) {
    auto& body = head.request.body;
    body = read().substr(0, head.length);
    in_.consume(body.size());
    std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    if (head.expects_continue && body.empty()) co_await send(std::move(go_on));
    within(core_.deadlines.body);
    while (body.size() < head.length) {
        auto const had = body.size();
        body.resize(had + std::min(head.length - had, body_piece));
        auto const room = asio::buffer(body.data() + had, body.size() - had);
        auto const n = co_await stream_.async_read_some(room, asio::use_awaitable);
        body.resize(had + n);
    }
}

// One request and its answer. False when the connection is to end.
template <class Stream>
asio::awaitable<bool> Session<Stream>::exchange() {
    Request request;
    request.id = new_id();
    slot_->set_idle();
    auto refused = co_await receive(request);
    slot_->set_busy();
    auto const began = std::chrono::steady_clock::now();
    std::optional<Count> under_way(std::in_place, core_.requests);
    DispatchResult result;  // no conditional around co_await: g++ 12 destroys its operands twice
    if (refused) {
        result.answer = std::move(*refused);
    } else {
        result =
            co_await dispatch(core_.service, *listener_.listener.authenticator, request, connection_, core_.lanes());
    }
    bool const keep = !refused && keep_ && !core_.stopping && request.method != "HEAD";
    if (!result.who.empty()) slot_->set_known();
    if (result.answer.events_after) refuse_too_many(result);
    core_.log.write(request, connection_, result, std::chrono::steady_clock::now() - began);
    if (result.answer.events_after) {
        under_way.reset();
        co_await send(write_stream_head(result, request));
        co_await stream_events(result);
        co_return false;
    }
    slot_->set_idle();
    co_await send(write_answer(result, request, keep));
    slot_->release();
    co_return keep;
}

// Streams are long-lived and occupy connection slots: neither all of them nor those of one caller may take too many.
template <class Stream>
void Session<Stream>::refuse_too_many(DispatchResult& result) const {
    if (core_.events.subscribers() >= Core::most_streams)
        result.answer = problem(503, "unavailable", "too many event streams are open");
    if (core_.events.subscribers(result.who) >= Core::most_streams_each)
        result.answer = problem(429, "too_many_requests", "you have the maximum number of event streams open");
}

// Uses no thread while there are no events. Ends when any key changes and when the caller's own expires: the client
// connects and authenticates again.
template <class Stream>
asio::awaitable<void> Session<Stream>::stream_events(DispatchResult const& result) {
    struct Subscription {
        EventSignal& signal;
        std::size_t const id;
        ~Subscription() { signal.remove(id); }
    } const subscription{core_.events, core_.events.add(result.who, on_strand(&Session::wake))};
    auto const end = std::chrono::steady_clock::now() + core_.deadlines.stream;
    auto last = *result.answer.events_after;
    while (std::chrono::steady_clock::now() < end) {
        woken_ = false;
        auto const batch = co_await next_batch(last, result);
        if (!batch || batch->incomplete) co_return;
        last = batch->last;
        if (!batch->text.empty()) {
            co_await send(batch->text);
        } else if (!batch->more && !woken_) {
            co_await pause(last, result.answer.events_kind);
        }
    }
}

template <class Stream>
bool Session<Stream>::trusted(DispatchResult const& result) const {
    return result.keys == core_.service.keys.keys_version() &&
           (!result.until || core_.service.clock.now() < *result.until);
}

// The next events, read on a thread that may block; nothing when the stream is to end.
template <class Stream>
asio::awaitable<std::optional<EventBatch>> Session<Stream>::next_batch(std::int64_t after,
                                                                       DispatchResult const& result) {
    std::optional<EventBatch> out;
    co_await asio::post(asio::bind_executor(core_.reading.get_executor(), asio::use_awaitable));
    try {
        if (!core_.stopping && trusted(result))
            out = next_events(core_.service.trail, after, result.answer.events_kind);
    } catch (std::exception const& e) {
        core_.service.log.write(Level::warning, "an event stream ended", {{"why", e.what()}});
    }
    co_await asio::post(asio::bind_executor(strand_, asio::use_awaitable));
    co_return out;
}

// Waits for new events, or until the keys are to be checked again. Sends a comment now and then to find out whether the
// peer is still there. With a filter the comment carries the last seq that was read, so that a client that reconnects
// does not ask for events that are no longer kept.
template <class Stream>
asio::awaitable<void> Session<Stream>::pause(std::int64_t last, std::string const& kind) {
    error_code error;
    wakeup_.expires_after(std::min(core_.deadlines.trust, core_.deadlines.heartbeat));
    co_await wakeup_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (std::chrono::steady_clock::now() - sent_at_ < core_.deadlines.heartbeat) co_return;
    std::string comment = ":\n\n";  // no conditional around co_await: g++ 12 destroys its operands twice
    if (!kind.empty()) comment = ":\nid: " + std::to_string(last) + "\n\n";
    co_await send(std::move(comment));
}

}  // namespace

void start_session(Core& core, OpenListener& listener, Socket socket) {
    auto connection = connection_of(socket);
    error_code unix_sockets_have_no_such;
    socket.set_option(asio::ip::tcp::no_delay(true), unix_sockets_have_no_such);
    Plain plain(std::move(socket));
    if (listener.listener.tls == nullptr) {
        Session<Plain>::start(core, listener, std::move(plain), std::move(connection));
    } else {
        auto const context = listener.listener.tls->context();
        Session<Encrypted>::start(core, listener, Encrypted(std::move(plain), *context), std::move(connection));
    }
}

}  // namespace genesis
