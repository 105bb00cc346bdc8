// One phase at a time on Asio and Beast: each is started and run until its deadline; a failure drops the connection.
#include "reconciler/webhooks/http_client.hpp"

#include "drivers/context.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <optional>

namespace genesis {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint32_t head_limit = 8192;
constexpr std::uint64_t body_limit = 65536;
constexpr int most_interim = 10;  // responses before the final one

asio::ssl::context context_for(std::string const& ca_file) {
    asio::ssl::context out(asio::ssl::context::tls_client);
    ::SSL_CTX_set_min_proto_version(out.native_handle(), TLS1_2_VERSION);
    out.set_verify_mode(asio::ssl::verify_peer);
    if (ca_file.empty()) {
        out.set_default_verify_paths();
    } else {
        error_code error;
        out.load_verify_file(ca_file, error);
        if (error) throw Fault("cannot read " + ca_file + ": " + error.message());
    }
    return out;
}

std::chrono::milliseconds left(Steady deadline) {
    return std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
}

bool is_address(std::string const& host) {
    error_code error;
    asio::ip::make_address(host, error);
    return !error;
}

}  // namespace

// One connection. Unusable after any Fault.
class HttpClient::Session {
public:
    Session(Endpoint const& endpoint, std::string const& ca_file) : endpoint_(endpoint) {
        if (!endpoint.tls) return;
        tls_context_.emplace(context_for(ca_file));
        tls_.emplace(socket_, *tls_context_);
        if (!is_address(endpoint.host)) ::SSL_set_tlsext_host_name(tls_->native_handle(), endpoint.host.c_str());
        tls_->set_verify_callback(asio::ssl::host_name_verification(endpoint.host));
    }

    void open(Resolver& resolver, HttpTimeouts const& timeouts) {
        auto const found = resolver.resolve(timeouts.resolve, stop_.get_token());
        if (!endpoint_.tls)
            for (auto const& address : found)
                if (!address.address().is_loopback()) throw Fault("http is for loopback addresses only");
        connect(found, timeouts.connect);
        error_code ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
        if (tls_)
            run("failed the TLS handshake or its certificate is not valid", timeouts.handshake,
                [&](auto done) { tls_->async_handshake(asio::ssl::stream_base::client, done); });
    }

    int exchange(http::request<http::string_body> const& request, HttpTimeouts const& timeouts) {
        run("did not receive the event", timeouts.write, [&](auto done) {
            on_stream([&](auto& stream) {
                http::async_write(stream, request, [=](error_code error, std::size_t) { done(error); });
            });
        });
        auto const deadline = std::chrono::steady_clock::now() + timeouts.answer;
        for (int interim = 0; interim <= most_interim; ++interim)
            if (auto const status = read_answer(deadline); status == 101 || status < 100 || status > 199) return status;
        throw Fault(endpoint_.authority + " did not answer: too many interim responses");
    }
    [[nodiscard]] bool reusable() const { return reusable_; }
    // Whether bytes have arrived since the last answer. They belong to no request and would be read as the next answer.
    bool has_unread() {
        error_code error;
        bool const received = socket_.available(error) > 0;
        bool const in_tls = tls_ && BIO_pending(::SSL_get_rbio(tls_->native_handle())) > 0;
        return error || received || in_tls;
    }
    // From any thread: the phase under way ends, and no other begins.
    void stop() {
        stop_.request_stop();
        io_.stop();
    }

private:
    // One address after the other, each with its share of the time left.
    void connect(Addresses const& found, std::chrono::milliseconds timeout) {
        auto const deadline = std::chrono::steady_clock::now() + timeout;
        auto untried = static_cast<std::int64_t>(found.size());
        for (auto const& address : found) try {
                run("cannot be connected to", left(deadline) / untried,
                    [&](auto done) { socket_.async_connect(address, done); });
                return;
            } catch (Fault const&) {
                if (--untried == 0) throw;
            }
    }

    // The status of the next response. An interim one (RFC 9110, 15.2) has no body; the final one follows it.
    int read_answer(Steady deadline) {
        http::response_parser<http::string_body> parser;
        parser.header_limit(head_limit);
        parser.body_limit(boost::none);  // a longer one is recognised by its head and not read
        run("did not answer", left(deadline), [&](auto done) {
            on_stream([&](auto& stream) {
                http::async_read_header(stream, buffer_, parser, [=](error_code error, std::size_t) { done(error); });
            });
        });
        auto const status = static_cast<int>(parser.get().result_int());
        if (status < 200) return status;
        if (auto const length = parser.content_length(); length && *length > body_limit) return status;
        parser.body_limit(body_limit);
        try {  // the body matters only if the connection is to be used again
            run("did not end its answer", left(deadline), [&](auto done) {
                on_stream([&](auto& stream) {
                    http::async_read(stream, buffer_, parser, [=](error_code error, std::size_t) { done(error); });
                });
            });
            reusable_ =
                parser.get().keep_alive() && buffer_.size() == 0;  // bytes left over would be read as the next answer
        } catch (Fault const&) {
            reusable_ = false;
        }
        return status;
    }

    template <class F>
    void on_stream(F const& use) {
        if (tls_) {
            use(*tls_);
        } else {
            use(socket_);
        }
    }

    // Runs one operation until `timeout`. After that its handlers are run to their end here, on a closed socket, so
    // that nothing refers to what is gone.
    template <class Start>
    void run(char const* what, std::chrono::milliseconds timeout, Start const& start) {
        reusable_ = false;
        io_.restart();
        if (stop_.stop_requested()) throw Expired("stopping");
        auto const result = std::make_shared<std::optional<error_code>>();
        start([result](error_code error) { *result = error; });
        io_.run_for(timeout);
        if (*result && !**result) return;
        error_code ignored;
        socket_.close(ignored);
        std::string const what_failed = endpoint_.authority + " " + what + ": ";
        if (*result) throw Fault(what_failed + (*result)->message());
        io_.restart();
        io_.run();
        throw Expired(what_failed + "timed out");
    }

    Endpoint const& endpoint_;
    asio::io_context io_{1};
    tcp::socket socket_{io_};
    std::optional<asio::ssl::context> tls_context_;
    std::optional<asio::ssl::stream<tcp::socket&>> tls_;
    beast::flat_buffer buffer_{head_limit + body_limit};
    bool reusable_ = false;
    std::stop_source stop_;
};

HttpClient::HttpClient(Endpoint endpoint, std::string ca_file, HttpTimeouts timeouts, Lookup lookup)
    : endpoint_(std::move(endpoint)),
      ca_file_(std::move(ca_file)),
      timeouts_(timeouts),
      resolver_(endpoint_.host, endpoint_.port, std::move(lookup)) {}
HttpClient::~HttpClient() = default;

std::shared_ptr<HttpClient::Session> HttpClient::session() {
    std::lock_guard const lock(mutex_);
    if (stopped_) throw Expired("stopping");
    if (!session_) session_ = std::make_shared<Session>(endpoint_, ca_file_);
    return session_;
}

int HttpClient::try_post(Session& session, Headers const& headers, std::string const& body) {
    http::request<http::string_body> request(http::verb::post, endpoint_.target, 11);
    request.set(http::field::host, endpoint_.authority);
    request.set(http::field::user_agent, "genesis/" GENESIS_VERSION);
    for (auto const& [name, value] : headers) request.set(name, value);
    request.body() = body;
    request.prepare_payload();
    return session.exchange(request, timeouts_);
}

void HttpClient::drop() {
    std::lock_guard const lock(mutex_);
    session_.reset();
}

int HttpClient::post(Headers const& headers, std::string const& body) {
    if (session_ && session_->has_unread()) drop();
    for (bool kept = session_ != nullptr;; kept = false) try {
            auto const connection = session();
            if (!kept) connection->open(resolver_, timeouts_);
            auto const status = try_post(*connection, headers, body);
            if (!connection->reusable()) drop();
            return status;
        } catch (Expired const&) {
            drop();
            throw;
        } catch (Fault const&) {
            drop();
            if (!kept) throw;  // the peer closed the kept connection: try a new one, once
        }
}

void HttpClient::stop() {
    std::lock_guard const lock(mutex_);
    stopped_ = true;
    if (session_) session_->stop();
}

}  // namespace genesis
