// hiredis' asynchronous API on poll(2).
//
// The adapters of hiredis pass everything that arrives to it, and an unexpected reply aborts the process (an assert).
// Here a peer that sends one loses its connection.
#include "reconciler/cache/redis_link.hpp"

#include "drivers/host/fd.hpp"
#include "reconciler/cache/breaker.hpp"

#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace genesis {
namespace {

constexpr std::size_t most_waiting = std::size_t{16} << 20;  // bytes of unanswered commands
constexpr std::chrono::seconds greeting{1};                  // to connect and to answer the first command

using Answer = std::optional<RedisReply>;

// Shared by the caller and the connection.
struct Command {
    Command(std::vector<std::string> given, std::uint64_t allowed, std::atomic<std::size_t>& total)
        : words(std::move(given)), pass(allowed), waiting(total) {
        for (auto const& word : words) bytes += word.size();
        waiting += bytes;
    }
    ~Command() { waiting -= bytes; }
    Command(Command const&) = delete;
    Command& operator=(Command const&) = delete;

    std::vector<std::string> words;
    std::uint64_t const pass;
    std::atomic<std::size_t>& waiting;
    std::size_t bytes = 0;
    std::promise<Answer> answer;
};
using Shared = std::shared_ptr<Command>;

Answer answer_of(redisReply const* reply) {
    if (reply == nullptr || reply->type == REDIS_REPLY_ERROR) return std::nullopt;
    RedisReply out;
    if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
        out.text.emplace(reply->str, reply->len);
    if (reply->type == REDIS_REPLY_INTEGER) out.number = reply->integer;
    return out;
}

int send(redisAsyncContext* to, redisCallbackFn* then, void* with, std::vector<std::string> const& words) {
    std::vector<char const*> texts;
    std::vector<std::size_t> sizes;
    for (auto const& word : words) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    return redisAsyncCommandArgv(to, then, with, static_cast<int>(words.size()), texts.data(), sizes.data());
}

// There are replies to no command.
bool has_unexpected_reply(redisAsyncContext const& c) {
    return c.replies.head == nullptr && c.c.reader->pos < c.c.reader->len;
}

}  // namespace

// Everything but call(), notify() and up() is used by the thread only.
struct RedisLink::Impl {
    Impl(RedisServer given, Clock const& time, Log& to)
        : server(std::move(given)),
          clock(time),
          log(to),
          breaker(server.first_pause, server.longest_pause),
          wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (!wake) throw Fault("no eventfd for Redis");
        thread = std::thread([this] { run(); });
    }
    ~Impl() {
        stopping = true;
        ring();
        thread.join();
    }

    Shared enqueue(std::vector<std::string> words, std::uint64_t pass) {
        auto command = std::make_shared<Command>(std::move(words), pass, waiting);
        {
            std::lock_guard const lock(mutex);
            queue.push_back(command);
        }
        ring();
        return command;
    }
    void ring() const { (void)::eventfd_write(wake.get(), 1); }

    void run();
    void wait();
    void send_queued();
    void connect();
    void watch();
    void greet();
    void greeted(redisReply const* reply, bool last);
    void lost(std::string const& why);
    void let_go();

    static Impl& self(void* data) { return *static_cast<Impl*>(data); }
    static Impl& of(redisAsyncContext const* c) { return self(c->data); }
    static void on_connect(redisAsyncContext const* c, int status);
    static void on_disconnect(redisAsyncContext const* c, int status);
    static void on_answer(redisAsyncContext* c, void* reply, void* with);
    static void on_greeting(redisAsyncContext* c, void* reply, void* last);

    RedisServer const server;
    Clock const& clock;
    Log& log;
    Breaker breaker;
    host::Fd const wake;
    std::atomic<bool> stopping = false;
    std::atomic<std::size_t> waiting = 0;
    std::mutex mutex;
    std::deque<Shared> queue;

    redisAsyncContext* context = nullptr;
    short events = 0;  // that hiredis waits for
    enum { apart, greeting_it, ready } state = apart;
    Steady due{};         // disconnected: time of the next attempt; greeting_it: deadline
    bool missed = false;  // logged as unreachable
    std::thread thread;
};

void RedisLink::Impl::run() {
    sigset_t broken_pipe;  // write(2) reports a broken connection
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    while (!stopping) {
        if (state == apart && clock.steady() >= due) connect();
        if (state == greeting_it && clock.steady() >= due) lost("it did not answer the greeting");
        if (state == ready && breaker.pass() == 0) lost("it did not answer in time");
        send_queued();
        wait();
    }
    breaker.trip(breaker.pass());
    let_go();
    send_queued();
}

// Waits for the connection, a new command or the next deadline.
void RedisLink::Impl::wait() {
    std::array<pollfd, 2> fds{pollfd{wake.get(), POLLIN, 0},
                              pollfd{context != nullptr ? context->c.fd : -1, events, 0}};
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(due - clock.steady());
    auto const most = state == ready ? -1 : static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    if (::poll(fds.data(), fds.size(), most) <= 0) return;
    if (eventfd_t rung = 0; (fds[0].revents & POLLIN) != 0) (void)::eventfd_read(wake.get(), &rung);
    if ((fds[1].revents & ~POLLOUT) != 0) {
        if (context->replies.head == nullptr) return lost("the connection ended");
        redisAsyncHandleRead(context);
    }
    if (context != nullptr && (fds[1].revents & POLLOUT) != 0) redisAsyncHandleWrite(context);
}

void RedisLink::Impl::send_queued() {
    std::deque<Shared> taken;
    {
        std::lock_guard const lock(mutex);
        taken.swap(queue);
    }
    for (auto const& command : taken) {
        bool const current = context != nullptr && command->pass == breaker.pass();
        if (!current) {
            command->answer.set_value(std::nullopt);
            continue;
        }
        auto with = std::make_unique<Shared>(command);
        if (send(context, on_answer, with.get(), command->words) == REDIS_OK) {
            (void)with.release();
        } else {
            command->answer.set_value(std::nullopt);
        }
    }
}

void RedisLink::Impl::connect() {
    context = server.socket.empty() ? redisAsyncConnect(server.address.c_str(), server.port)
                                    : redisAsyncConnectUnix(server.socket.c_str());
    if (context == nullptr) return lost("out of memory");
    context->data = this;
    if (context->err != 0) return lost(context->errstr);
    watch();
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    greet();
}

void RedisLink::Impl::watch() {
    (void)::fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);  // hiredis does not
    events = 0;
    context->ev.data = this;
    context->ev.addRead = [](void* data) { self(data).events |= POLLIN; };
    context->ev.delRead = [](void* data) { self(data).events &= ~POLLIN; };
    context->ev.addWrite = [](void* data) { self(data).events |= POLLOUT; };
    context->ev.delWrite = [](void* data) { self(data).events &= ~POLLOUT; };
    context->ev.cleanup = [](void* data) { self(data).events = 0; };
}

// A context that failed is freed by hiredis as soon as this returns.
void RedisLink::Impl::on_connect(redisAsyncContext const* c, int status) {
    auto& link = of(c);
    if (status == REDIS_OK || c != link.context) return;
    link.context = nullptr;
    link.lost("no connection");
}

void RedisLink::Impl::on_disconnect(redisAsyncContext const* c, int) {
    auto& link = of(c);
    if (c != link.context) return;
    link.context = nullptr;
    link.lost("the connection ended");
}

void RedisLink::Impl::on_answer(redisAsyncContext* c, void* reply, void* with) {
    std::unique_ptr<Shared> const command(static_cast<Shared*>(with));
    (*command)->answer.set_value(answer_of(static_cast<redisReply const*>(reply)));
    if (c == of(c).context && reply != nullptr && has_unexpected_reply(*c)) of(c).lost("it sent an unexpected reply");
}

void RedisLink::Impl::on_greeting(redisAsyncContext* c, void* reply, void* last) {
    if (c != of(c).context || reply == nullptr) return;  // the connection is ending, which is handled elsewhere
    if (has_unexpected_reply(*c)) return of(c).lost("it sent an unexpected reply");
    of(c).greeted(static_cast<redisReply const*>(reply), last != nullptr);
}

void RedisLink::Impl::greet() {
    state = greeting_it;
    due = clock.steady() + greeting;
    if (!server.password.empty()) send(context, on_greeting, nullptr, {"AUTH", server.password.reveal()});
    if (server.database != 0) send(context, on_greeting, nullptr, {"SELECT", std::to_string(server.database)});
    send(context, on_greeting, this, {"PING"});
}

void RedisLink::Impl::greeted(redisReply const* reply, bool last) {
    if (reply->type != REDIS_REPLY_STATUS) return lost(reply->type == REDIS_REPLY_ERROR ? reply->str : "no Redis");
    if (!last) return;
    state = ready;
    missed = false;
    breaker.close(clock.steady());
    log.write(Level::info, "the shared cache is reachable");
}

void RedisLink::Impl::lost(std::string const& why) {
    let_go();
    state = apart;
    due = clock.steady() + breaker.open(clock.steady());
    if (!missed) log.write(Level::warning, "the shared cache is unreachable; continuing without it", {{"why", why}});
    missed = true;
}

// Unanswered commands complete without a reply.
void RedisLink::Impl::let_go() {
    if (auto* old = std::exchange(context, nullptr); old != nullptr) redisAsyncFree(old);
}

RedisLink::RedisLink(RedisServer server, Clock const& clock, Log& log)
    : impl_(std::make_unique<Impl>(std::move(server), clock, log)) {}

RedisLink::~RedisLink() = default;

std::optional<RedisReply> RedisLink::call(std::vector<std::string> command) {
    auto const until = std::chrono::steady_clock::now() + impl_->server.deadline;
    auto const pass = impl_->breaker.pass();
    if (pass == 0) return std::nullopt;
    auto answer = impl_->enqueue(std::move(command), pass)->answer.get_future();
    if (answer.wait_until(until) == std::future_status::ready) return answer.get();
    impl_->breaker.trip(pass);
    impl_->ring();
    return std::nullopt;
}

void RedisLink::notify(std::vector<std::string> command) {
    auto const pass = impl_->breaker.pass();
    if (pass != 0 && impl_->waiting < most_waiting) impl_->enqueue(std::move(command), pass);
}

bool RedisLink::up() const { return impl_->breaker.pass() != 0; }

}  // namespace genesis
