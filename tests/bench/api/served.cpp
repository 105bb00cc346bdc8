// Wired as the daemon wires it, without drivers and loop.
#include "tests/bench/api/served.hpp"

#include "drivers/host/sockets.hpp"
#include "reconciler/api/server.hpp"
#include "reconciler/app/reserved.hpp"
#include "reconciler/cache/memory_cache.hpp"
#include "reconciler/store/sqlite.hpp"
#include "reconciler/telemetry/log.hpp"

#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace genesis::bench {
namespace {

struct SystemClock final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};

// A loop that never does anything: what is measured is how specs are taken in.
struct IdleEngine final : Engine {
    void wake(Ref const&) override {}
    void wake_all() override {}
    std::future<json::object> plan(std::optional<Ref> const&) override { return nothing(); }
    std::future<json::object> preview(Object const&) override { return nothing(); }
    json::object status(Object const& object) override {
        return {{"observed_generation", object.observed_generation},
                {"conditions", json::array()},
                {"records", json::array()}};
    }
    std::optional<std::string> status_version() override { return "stored"; }
    std::vector<std::string> not_ready() override { return {}; }
    void pause_all(bool) override {}

private:
    static std::future<json::object> nothing() {
        std::promise<json::object> promise;
        promise.set_value({});
        return promise.get_future();
    }
};

bool free_uid(std::int64_t uid) { return ::getpwuid(static_cast<uid_t>(uid)) == nullptr; }

}  // namespace

int serve(std::string const& directory, bool cache) {
    sigset_t ends;
    sigemptyset(&ends);
    for (int s : {SIGTERM, SIGINT}) sigaddset(&ends, s);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);

    SystemClock const clock;
    auto const log = make_log(Level::info);
    // More numbers than a server gives away, so that a long run does not end for want of them.
    SqliteStore store(directory + "/store.db", "bench", Vault::with_key(Vault::generate(32)), clock,
                      {"uid", 20000, 20000000, free_uid});
    ServerReserved const reserved({});
    Admission const admission{store, reserved};
    IdleEngine engine;
    ApiSettings settings;
    settings.node = "bench";
    settings.admin_gid = ::getegid();
    MemoryCache lists(std::size_t{32} << 20, clock);
    ApiServer api(
        {store, store, store, admission, engine, settings, *log, clock, nullptr, nullptr, cache ? &lists : nullptr});
    PeerCredentials const peers(settings.admin_gid);
    auto const socket = directory + "/api.sock";
    api.serve({host::listen_unix(socket, ::getegid()).release(), &peers, nullptr, "unix:" + socket, {512, 512}});
    std::printf("%s\n", socket.c_str());
    std::fflush(stdout);
    int signal = 0;
    ::sigwait(&ends, &signal);
    api.stop();
    return 0;
}

}  // namespace genesis::bench
