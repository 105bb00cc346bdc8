// The listeners and threads of the server, and its shutdown.
#include "reconciler/api/http/server.hpp"

#include "reconciler/api/http/session.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

#include <list>
#include <thread>

namespace genesis {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::size_t io_threads = 4;  // the put of a new account asks NSS about its name, which may block

Protocol protocol_of(int fd) {
    int family = AF_UNIX;
    socklen_t size = sizeof family;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) throw Fault("this is not a socket");
    return {family, 0};
}

}  // namespace

struct ApiServer::Impl {
    Impl(Service given, Deadlines deadlines) : core(std::move(given), deadlines) {}

    asio::awaitable<void> accept(OpenListener& listener, Acceptor& acceptor);

    Core core;
    std::list<OpenListener> listeners;  // before `io`: sessions that end with it still release their slots
    asio::io_context io;
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
    asio::strand<asio::io_context::executor_type> accepting = asio::make_strand(io);
    std::list<Acceptor> acceptors;
    std::vector<std::thread> threads;
};

asio::awaitable<void> ApiServer::Impl::accept(OpenListener& listener, Acceptor& acceptor) {
    for (error_code error; !core.stopping;) {
        // Each connection has a strand: its timer and its reads never run at the same time.
        asio::any_io_executor const strand = asio::make_strand(io);
        Socket socket = co_await acceptor.async_accept(strand, asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted) co_return;
        if (!error) {
            start_session(core, listener, std::move(socket));
            continue;
        }
        asio::steady_timer pause(accepting, 50ms);  // out of descriptors: connections that end free some
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
}

ApiServer::ApiServer(Service service, Deadlines deadlines)
    : impl_(std::make_unique<Impl>(std::move(service), deadlines)) {
    for (std::size_t i = 0; i < io_threads; ++i) impl_->threads.emplace_back([this] { impl_->io.run(); });
}

ApiServer::~ApiServer() { stop(); }

void ApiServer::serve(Listener listener) {
    auto const fd = listener.fd;
    auto const protocol = protocol_of(fd);
    auto& open = impl_->listeners.emplace_back(std::move(listener), impl_->core.service.metrics);
    auto& acceptor = impl_->acceptors.emplace_back(impl_->accepting, protocol, fd);
    asio::co_spawn(impl_->accepting, impl_->accept(open, acceptor), asio::detached);
}

void ApiServer::notify_events() { impl_->core.events.notify(); }

void ApiServer::stop() {
    auto& core = impl_->core;
    if (core.stopping.exchange(true)) return;
    asio::post(impl_->accepting, [this] {
        error_code ignored;
        for (auto& acceptor : impl_->acceptors) acceptor.close(ignored);
    });
    core.events.notify();
    for (int i = 0; i < 500 && (core.requests > 0 || core.events.subscribers() > 0); ++i)
        std::this_thread::sleep_for(10ms);
    impl_->io.stop();
    for (auto& thread : impl_->threads) thread.join();
    core.writing.join();
    core.reading.join();
    core.probing.join();
    core.planning.join();
    while (core.in_store > 0) std::this_thread::sleep_for(1ms);  // the store still has to complete
}

}  // namespace genesis
