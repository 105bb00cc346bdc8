// Connections: Beast reads and writes, deadlines and limits come before every allocation that a peer could force.
#include "reconciler/api/server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

namespace genesis {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using Parser = http::request_parser<http::string_body>;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::uint32_t header_limit = 8192;
constexpr std::uint64_t body_limit = 1048576;
constexpr std::size_t buffer_limit = 16384;
constexpr int most_connections = 512;
constexpr std::size_t writers = 32;  // mostly asleep, in a commit that they share
constexpr std::size_t lookers = 8;   // a look at the whole server may take long, and must not hold up a write
constexpr std::size_t io_threads = 2;

std::string new_id() {
    thread_local std::mt19937_64 random{std::random_device{}()};  // names a request in the log, protects nothing
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

// What is wrong with a message before its body is read; nothing is said of who sent it.
std::optional<Answer> refuse_header(Parser const& parser) {
    auto const& fields = parser.get();
    if (parser.chunked() || fields.find(http::field::transfer_encoding) != fields.end())
        return problem(411, "length_required", "a body needs a Content-Length");
    for (auto it = fields.begin(); it != fields.end(); ++it)
        if (std::distance(fields.equal_range(it->name_string()).first, fields.equal_range(it->name_string()).second) >
            1)
            return problem(400, "malformed", "a header is there twice");
    return std::nullopt;
}

// An answer to what could not be read; nothing when the peer is gone or too late for one.
std::optional<Answer> refuse_error(error_code const& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return problem(431, "headers_too_large", "the header is longer than 8 KiB");
    if (error == http::error::body_limit) return problem(413, "too_large", "the body is longer than 1 MiB");
    if (error == http::error::end_of_stream || error == beast::error::timeout) return std::nullopt;
    if (error.category() == http::make_error_code(http::error::bad_method).category())
        return problem(400, "malformed", "this is not HTTP/1.1");
    return std::nullopt;
}

Request request_of(Parser& parser) {
    auto& message = parser.get();
    Request out;
    out.method = std::string(message.method_string());
    out.target = std::string(message.target());
    for (auto const& field : message) {
        std::string name(field.name_string());
        for (auto& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        out.headers.emplace(std::move(name), std::string(field.value()));
    }
    out.body = std::move(message.body());
    return out;
}

http::response<http::string_body> response_of(Answer const& answer, std::string const& id, bool keep_alive, bool head) {
    http::response<http::string_body> out;
    out.version(11);
    out.result(static_cast<unsigned>(answer.status));
    out.reason(std::string(title_of(answer.status)));
    out.set(http::field::content_type, answer.type);
    out.set(http::field::cache_control, "no-store");
    out.set("X-Content-Type-Options", "nosniff");
    out.set("X-Request-Id", id);
    if (answer.generation) out.set(http::field::etag, '"' + std::to_string(*answer.generation) + '"');
    if (!answer.allow.empty()) out.set(http::field::allow, answer.allow);
    if (answer.retry_after > 0) out.set(http::field::retry_after, std::to_string(answer.retry_after));
    if (!head) out.body() = answer.text.empty() ? json::serialize(answer.body) + "\n" : answer.text;
    out.keep_alive(keep_alive && !head);
    out.prepare_payload();
    return out;
}

}  // namespace

struct ApiServer::Impl {
    explicit Impl(Service given) : service(std::move(given)), authenticator(service.settings.admin_gid) {}

    asio::awaitable<void> accept();
    asio::awaitable<void> session(Protocol::socket socket);
    static asio::awaitable<void> linger(Stream& stream);
    asio::awaitable<bool> exchange(Stream& stream, beast::flat_buffer& buffer, Connection const& connection);
    asio::awaitable<std::optional<Answer>> receive(Stream& stream, beast::flat_buffer& buffer, Parser& parser);
    asio::awaitable<Answer> handle(Request const& request, Connection const& connection);
    void write_log(Request const& request, Connection const& connection, Answer const& said, std::string const& id);

    Service const service;
    PeerCredentials const authenticator;
    std::atomic<int> connections = 0, requests = 0;
    std::atomic<bool> stopping = false;
    asio::io_context io;  // its sessions, when they go with it, still count
    asio::thread_pool writing{writers}, looking{lookers};
    asio::strand<asio::io_context::executor_type> accepting = asio::make_strand(io);
    std::optional<Protocol::acceptor> acceptor;
    std::vector<std::thread> threads;
};

asio::awaitable<void> ApiServer::Impl::accept() {
    for (error_code error; !stopping;) {
        auto const strand = asio::make_strand(io);  // a connection's timer and its reads never run at the same time
        Protocol::socket socket = co_await acceptor->async_accept(asio::any_io_executor(strand),
                                                                  asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted) co_return;
        if (error) {  // out of descriptors: those at work will free some
            asio::steady_timer pause(accepting, 50ms);
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
            continue;
        }
        if (connections >= most_connections) continue;  // closed at once
        asio::co_spawn(strand, session(std::move(socket)), asio::detached);
    }
}

asio::awaitable<void> ApiServer::Impl::session(Protocol::socket socket) {
    Count const one(connections);
    Connection const connection{peer_of(socket.native_handle())};
    Stream stream(std::move(socket));
    beast::flat_buffer buffer(buffer_limit);
    try {
        while (co_await exchange(stream, buffer, connection)) continue;
    } catch (std::exception const&) {  // the connection broke: there is nobody to tell
    }
    co_await linger(stream);
}

// Lets a peer that is still sending read the last answer: what it sends is thrown away for a second.
asio::awaitable<void> ApiServer::Impl::linger(Stream& stream) {
    error_code error;
    stream.socket().shutdown(Protocol::socket::shutdown_send, error);
    stream.expires_after(1s);
    std::array<char, 4096> rest{};
    while (!error)
        co_await stream.async_read_some(asio::buffer(rest), asio::redirect_error(asio::use_awaitable, error));
}

// Idle, then the header, then the body: each with its own deadline. An answer here refuses what was sent.
asio::awaitable<std::optional<Answer>> ApiServer::Impl::receive(Stream& stream, beast::flat_buffer& buffer,
                                                                Parser& parser) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (buffer.size() == 0) {
        stream.expires_after(60s);
        buffer.commit(co_await stream.async_read_some(buffer.prepare(4096), asio::use_awaitable));
    }
    stream.expires_after(10s);
    co_await http::async_read_header(stream, buffer, parser, token);
    if (!error) {
        if (auto refused = refuse_header(parser)) co_return refused;
        stream.expires_after(30s);
        if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
            http::response<http::empty_body> go_on{http::status::continue_, 11};
            co_await http::async_write(stream, go_on, asio::use_awaitable);
        }
        co_await http::async_read(stream, buffer, parser, token);
    }
    if (!error) co_return std::nullopt;
    if (auto refused = refuse_error(error)) co_return refused;
    throw boost::system::system_error(error);
}

asio::awaitable<Answer> ApiServer::Impl::handle(Request const& request, Connection const& connection) {
    auto& pool = request.method == "GET" ? looking : writing;
    co_return co_await asio::co_spawn(
        pool,
        [this, &request, &connection]() -> asio::awaitable<Answer> {
            co_return genesis::answer(service, authenticator, request, connection).answer;
        },
        asio::use_awaitable);
}

// True while the connection stays.
asio::awaitable<bool> ApiServer::Impl::exchange(Stream& stream, beast::flat_buffer& buffer,
                                                Connection const& connection) {
    Parser parser;
    parser.header_limit(header_limit);
    parser.body_limit(body_limit);
    auto refused = co_await receive(stream, buffer, parser);
    Count const one(requests);
    bool const keep = !refused && parser.get().keep_alive() && !stopping;
    auto const id = new_id();
    auto request = request_of(parser);
    request.id = id;
    Answer said;  // no conditional around co_await: g++ 12 destroys its operands twice
    if (refused) {
        said = std::move(*refused);
    } else {
        said = co_await handle(request, connection);
    }
    write_log(request, connection, said, id);
    bool const head = request.method == "HEAD";
    auto const response = response_of(said, id, keep, head);
    stream.expires_after(30s);
    co_await http::async_write(stream, response, asio::use_awaitable);
    co_return keep && !head;
}

void ApiServer::Impl::write_log(Request const& request, Connection const& connection, Answer const& said,
                                std::string const& id) {
    auto const level = said.status >= 500 ? Level::warning : request.method == "GET" ? Level::debug : Level::info;
    service.log.write(level, "request",
                      {{"method", request.method},
                       {"target", request.target},
                       {"status", std::to_string(said.status)},
                       {"uid", connection.peer ? std::to_string(connection.peer->uid) : "unknown"},
                       {"id", id}});
}

ApiServer::ApiServer(Service service) : impl_(std::make_unique<Impl>(std::move(service))) {}

ApiServer::~ApiServer() { stop(); }

void ApiServer::serve(int listening_fd) {
    impl_->acceptor.emplace(impl_->accepting, Protocol(), listening_fd);
    asio::co_spawn(impl_->accepting, impl_->accept(), asio::detached);
    for (std::size_t i = 0; i < io_threads; ++i) impl_->threads.emplace_back([this] { impl_->io.run(); });
}

void ApiServer::stop() {
    if (impl_->stopping.exchange(true)) return;
    asio::post(impl_->accepting, [this] {
        error_code ignored;
        if (impl_->acceptor) impl_->acceptor->close(ignored);
    });
    for (int i = 0; i < 500 && impl_->requests > 0; ++i) std::this_thread::sleep_for(10ms);
    impl_->io.stop();
    for (auto& thread : impl_->threads) thread.join();
    impl_->writing.join();
    impl_->looking.join();
}

}  // namespace genesis
