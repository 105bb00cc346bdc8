// A webhook receiver for tests: a real HTTP server that records requests and answers as the test says.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace genesis::test {

struct Delivery {
    std::string method, target, type, event, authorization, host, body;
    [[nodiscard]] std::int64_t seq() const {
        return boost::json::parse(body).as_object().at("seq").to_number<std::int64_t>();
    }
};

class TestReceiver {
public:
    // The bytes of the answer; nothing: the connection is closed without one.
    using Answer = std::function<std::optional<std::string>(Delivery const&)>;
    static std::string status(int code, std::string const& headers = "") {
        return "HTTP/1.1 " + std::to_string(code) + " X\r\nContent-Length: 2\r\n" + headers + "\r\nok";
    }

    explicit TestReceiver(
        Answer answer = [](Delivery const&) { return status(200); },
        std::optional<std::pair<std::string, std::string>> const& chain_and_key = {})
        : answer_(std::move(answer)) {
        if (chain_and_key) {
            tls_.emplace(boost::asio::ssl::context::tls_server);
            tls_->use_certificate_chain(boost::asio::buffer(chain_and_key->first));
            tls_->use_private_key(boost::asio::buffer(chain_and_key->second), boost::asio::ssl::context::pem);
        }
        thread_ = std::thread([this] { run(); });
    }
    ~TestReceiver() {
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
            boost::system::error_code ignored;
            if (open_ != nullptr) open_->shutdown(Socket::shutdown_both, ignored);
        }
        boost::system::error_code ignored;
        Socket(io_).connect(acceptor_.local_endpoint(), ignored);  // ends accept()
        thread_.join();
    }
    TestReceiver(TestReceiver const&) = delete;
    TestReceiver& operator=(TestReceiver const&) = delete;

    [[nodiscard]] std::string authority() const { return "127.0.0.1:" + std::to_string(port()); }
    [[nodiscard]] unsigned port() const { return acceptor_.local_endpoint().port(); }
    // Waits for `count` deliveries, at most half a minute; returns what was delivered.
    std::vector<Delivery> wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        came_.wait_for(lock, std::chrono::seconds(30), [&] { return deliveries_.size() >= count; });
        return deliveries_;
    }
    // Sends bytes on the open connection that answer no request, and returns once the client's kernel has them (tcp(7),
    // SIOCOUTQ). For plain HTTP only.
    void send_unrequested(std::string_view bytes) {
        std::lock_guard const lock(mutex_);
        auto const fd = open_->native_handle();
        if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
            throw std::runtime_error("the connection is gone");
        for (int unacknowledged = 1; unacknowledged > 0; std::this_thread::yield())
            if (::ioctl(fd, SIOCOUTQ, &unacknowledged) != 0) throw std::runtime_error("SIOCOUTQ");
    }
    // The number of connections so far.
    int connections() {
        std::lock_guard const lock(mutex_);
        return connections_;
    }

private:
    using Socket = boost::asio::ip::tcp::socket;

    void run() {
        while (true) {
            Socket socket(io_);
            boost::system::error_code error;
            acceptor_.accept(socket, error);
            {
                std::lock_guard const lock(mutex_);
                if (stopping_) return;
                open_ = &socket;
                ++connections_;
            }
            try {
                if (tls_) {
                    boost::asio::ssl::stream<Socket&> stream(socket, *tls_);
                    stream.handshake(boost::asio::ssl::stream_base::server);
                    serve(stream);
                } else {
                    serve(socket);
                }
            } catch (std::exception const&) {  // the peer closed it
            }
            std::lock_guard const lock(mutex_);
            open_ = nullptr;
        }
    }

    template <class Stream>
    void serve(Stream& stream) {
        namespace http = boost::beast::http;
        boost::beast::flat_buffer buffer;
        while (true) {
            http::request<http::string_body> request;
            http::read(stream, buffer, request);
            auto const field = [&](char const* name) { return std::string(request[name]); };
            Delivery const delivery{std::string(request.method_string()),
                                    std::string(request.target()),
                                    field("Content-Type"),
                                    field("X-Genesis-Event"),
                                    field("Authorization"),
                                    field("Host"),
                                    request.body()};
            auto const said = answer_(delivery);
            {
                std::lock_guard const lock(mutex_);
                deliveries_.push_back(delivery);
            }
            came_.notify_all();
            if (!said) return;
            boost::asio::write(stream, boost::asio::buffer(*said));
        }
    }

    Answer answer_;
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_{
        io_, boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)};
    std::optional<boost::asio::ssl::context> tls_;
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<Delivery> deliveries_;
    Socket* open_ = nullptr;
    int connections_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace genesis::test
