// Asio callbacks on one thread: the client must cost little beside what it measures.
#include "tests/bench/api/load.hpp"

#include <sys/resource.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace genesis::bench {
namespace {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;
using Encrypted = asio::ssl::stream<Socket>;
using SteadyClock = std::chrono::steady_clock;
using boost::system::error_code;

// The bytes of the first whole answer in `text`; 0 while it is not there yet.
std::size_t answer_size(std::string const& text) {
    auto const end = text.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    constexpr std::string_view name = "Content-Length: ";
    auto const at = text.find(name);
    if (at > end) throw std::runtime_error("an answer without a Content-Length: " + text.substr(0, end));
    auto const size = end + 4 + std::stoul(text.substr(at + name.size(), 20));
    return text.size() < size ? 0 : size;
}

struct Run {
    Next const& next;
    char answers;
    SteadyClock::time_point until{};
    Figures figures{};
};

template <class Stream>
class Connection {
public:
    Connection(Run& run, Stream stream) : run_(run), stream_(std::move(stream)) {}

    void send() {
        run_.next(out_);
        sent_ = SteadyClock::now();
        asio::async_write(stream_, asio::buffer(out_), [this](error_code error, std::size_t) {
            if (error) throw boost::system::system_error(error, "sending");
            receive();
        });
    }

private:
    void receive() {
        stream_.async_read_some(asio::buffer(piece_), [this](error_code error, std::size_t size) {
            if (error) throw boost::system::system_error(error, "receiving");
            in_.append(piece_.data(), size);
            if (auto const whole = answer_size(in_)) {
                note();
                in_.erase(0, whole);
                if (SteadyClock::now() < run_.until) send();
            } else {
                receive();
            }
        });
    }
    void note() {
        auto& figures = run_.figures;
        if (in_.size() > 9 && in_[9] == run_.answers) {
            auto const took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - sent_);
            figures.microseconds.push_back(static_cast<std::uint32_t>(took.count()));
        } else if (++figures.refused == 1) {
            figures.first_refusal = in_;
        }
    }

    Run& run_;
    Stream stream_;
    SteadyClock::time_point sent_{};
    std::array<char, 16384> piece_{};
    std::string in_, out_;
};

Socket connect(asio::io_context& io, Target const& target) {
    Socket socket(io);
    if (target.socket.empty()) {
        socket.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), target.port));
        socket.set_option(asio::ip::tcp::no_delay(true));
    } else {
        socket.connect(asio::local::stream_protocol::endpoint(target.socket));
    }
    return socket;
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    auto const seconds = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

template <class Open>
Figures drive(asio::io_context& io, char answers, std::size_t connections, double seconds, Next const& next,
              Open const& open) {
    using Stream = decltype(open());
    Run run{next, answers};
    std::vector<std::unique_ptr<Connection<Stream>>> all;
    for (std::size_t i = 0; i < connections; ++i) all.push_back(std::make_unique<Connection<Stream>>(run, open()));
    auto const cpu = cpu_seconds();
    auto const begun = SteadyClock::now();
    run.until = begun + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
    for (auto& connection : all) connection->send();
    io.run();
    run.figures.seconds = std::chrono::duration<double>(SteadyClock::now() - begun).count();
    run.figures.client_cpu = cpu_seconds() - cpu;
    std::sort(run.figures.microseconds.begin(), run.figures.microseconds.end());
    return std::move(run.figures);
}

template <class Stream>
std::string ask_on(Stream& stream, std::string const& request) {
    asio::write(stream, asio::buffer(request));
    std::string in;
    std::array<char, 16384> piece{};
    while (answer_size(in) == 0) in.append(piece.data(), stream.read_some(asio::buffer(piece)));
    return in;
}

Encrypted encrypted(asio::io_context& io, asio::ssl::context& tls, Target const& target) {
    Encrypted stream(connect(io, target), tls);
    stream.handshake(asio::ssl::stream_base::client);
    return stream;
}

}  // namespace

double Figures::milliseconds(double quantile) const {
    if (microseconds.empty()) return 0;
    auto const last = static_cast<double>(microseconds.size() - 1);
    return microseconds[static_cast<std::size_t>(last * quantile)] / 1000.0;
}

void Figures::add(Figures const& other) {
    auto const middle = static_cast<std::ptrdiff_t>(microseconds.size());
    microseconds.insert(microseconds.end(), other.microseconds.begin(), other.microseconds.end());
    std::inplace_merge(microseconds.begin(), microseconds.begin() + middle, microseconds.end());
    refused += other.refused;
    if (first_refusal.empty()) first_refusal = other.first_refusal;
    seconds += other.seconds;
    client_cpu += other.client_cpu;
    server_cpu += other.server_cpu;
}

Figures run_load(Target const& target, std::size_t connections, double seconds, Next const& next) {
    asio::io_context io(1);
    if (!target.tls) return drive(io, target.answers, connections, seconds, next, [&] { return connect(io, target); });
    asio::ssl::context tls(asio::ssl::context::tls_client);
    return drive(io, target.answers, connections, seconds, next, [&] { return encrypted(io, tls, target); });
}

std::string ask(Target const& target, std::string const& request) {
    asio::io_context io(1);
    if (target.tls) {
        asio::ssl::context tls(asio::ssl::context::tls_client);
        auto stream = encrypted(io, tls, target);
        return ask_on(stream, request);
    }
    auto socket = connect(io, target);
    return ask_on(socket, request);
}

}  // namespace genesis::bench
