// For tests: a real redis-server, and waiting for what it does in the background.
#pragma once
#include "reconciler/cache/redis_link.hpp"
#include "tests/support/tmp_root.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <thread>

namespace genesis {

inline bool eventually(std::function<bool()> const& so) {
    using namespace std::chrono_literals;
    for (auto const end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end;) {
        if (so()) return true;
        std::this_thread::sleep_for(5ms);
    }
    return false;
}

// On a unix socket in its own directory; it stores nothing on disk.
class RedisProcess {
public:
    RedisProcess() { start(); }
    ~RedisProcess() { kill(); }
    RedisProcess(RedisProcess const&) = delete;
    RedisProcess& operator=(RedisProcess const&) = delete;

    void start() {
        std::string const path = socket();
        std::string const dir = root_.path();
        std::array<char const*, 12> argv{"redis-server", "--port", "0", "--unixsocket", path.c_str(), "--dir",
                                         dir.c_str(),    "--save", "",  "--logfile",    "/dev/null",  nullptr};
        auto* const words = const_cast<char* const*>(argv.data());
        posix_spawn_file_actions_t quiet;  // otherwise it would keep the output pipe of the tests open
        ::posix_spawn_file_actions_init(&quiet);
        for (int const fd : {STDOUT_FILENO, STDERR_FILENO})
            ::posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_WRONLY, 0);
        int const failed = ::posix_spawnp(&pid_, argv[0], &quiet, nullptr, words, ::environ);
        ::posix_spawn_file_actions_destroy(&quiet);
        if (failed != 0) throw Fault("no redis-server");
    }
    void signal(int number) const { ::kill(pid_, number); }
    void kill() {
        if (pid_ <= 0) return;
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    [[nodiscard]] std::string socket() const { return root_ / "redis.sock"; }
    [[nodiscard]] RedisServer address() const {
        RedisServer out;
        out.socket = socket();
        out.first_pause = std::chrono::milliseconds(10);
        out.longest_pause = std::chrono::milliseconds(50);
        return out;
    }
    // Writes as another client.
    void write(std::string const& key, std::string const& value) const {
        (void)said([&](redisContext* c) {
            return redisCommand(c, "SET %b %b", key.data(), key.size(), value.data(), value.size());
        });
    }
    void write_list(std::string const& key) const {
        (void)said([&](redisContext* c) { return redisCommand(c, "DEL %b", key.data(), key.size()); });
        (void)said([&](redisContext* c) { return redisCommand(c, "RPUSH %b x", key.data(), key.size()); });
    }
    [[nodiscard]] std::string read(std::string const& key) const {
        return said([&](redisContext* c) { return redisCommand(c, "GET %b", key.data(), key.size()); }).front();
    }
    [[nodiscard]] std::vector<std::string> keys() const {
        return said([&](redisContext* c) { return redisCommand(c, "KEYS *"); });
    }

private:
    // One command on its own connection; a reply that is not a list is a list of one.
    std::vector<std::string> said(std::function<void*(redisContext*)> const& command) const {
        auto* const c = redisConnectUnix(socket().c_str());
        if (c == nullptr || c->err != 0) throw Fault("redis-server is not there");
        auto* const reply = static_cast<redisReply*>(command(c));
        if (reply == nullptr) throw Fault("redis-server did not answer");
        std::vector<std::string> out;
        auto const add = [&](redisReply const& r) { out.emplace_back(r.str == nullptr ? "" : r.str, r.len); };
        if (reply->type == REDIS_REPLY_ARRAY)
            for (std::size_t i = 0; i < reply->elements; ++i) add(*reply->element[i]);
        else
            add(*reply);
        freeReplyObject(reply);
        redisFree(c);
        return out;
    }
    test::TmpRoot root_;
    pid_t pid_ = 0;
};

}  // namespace genesis
