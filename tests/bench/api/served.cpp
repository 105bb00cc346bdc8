// Wired as the daemon wires it, without drivers and loop.
#include "tests/bench/api/served.hpp"

#include "drivers/host/names.hpp"
#include "drivers/host/sockets.hpp"
#include "reconciler/api/auth/signed_requests.hpp"
#include "reconciler/api/http/server.hpp"
#include "reconciler/app/certificate.hpp"
#include "reconciler/app/reserved.hpp"
#include "reconciler/cache/memory_cache.hpp"
#include "reconciler/store/sqlite.hpp"
#include "reconciler/telemetry/log.hpp"

#include <unistd.h>

#include <array>
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
    std::future<Plan> plan(std::optional<Ref> const&) override { return nothing(); }
    std::future<Plan> preview(Object const&) override { return nothing(); }
    Status status(Object const& object) override { return {object.observed_generation, {}, {}, {}}; }
    std::optional<std::string> status_version() override { return "stored"; }
    std::vector<std::string> not_ready() override { return {}; }

private:
    static std::future<Plan> nothing() {
        std::promise<Plan> promise;
        promise.set_value({});
        return promise.get_future();
    }
};

// The specs that are sent name a version of PHP; this machine need not have it.
struct BenchReserved final : ServerReserved {
    BenchReserved() : ServerReserved({}) {}
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {"8.2"}; }
};

// A loopback port for signed requests.
unsigned open_listener(ApiServer& api, Authenticator const& who, TlsCertificate const* tls) {
    auto socket = host::listen_tcp(*host::TcpAddress::parse("127.0.0.1:0"));
    auto const port = host::bound_to(socket).port();
    api.serve({socket.release(), &who, tls, "127.0.0.1:" + std::to_string(port), {512, 512}});
    return port;
}

ApiKey bench_key(Clock const& clock) {
    ApiKey key;
    key.kid = key_id;
    key.secret = new_key_secret();
    key.scopes = {"admin"};
    key.created = clock.now();
    return key;
}

bool free_uid(std::int64_t uid) { return !host::has_user(static_cast<std::uint32_t>(uid)); }

}  // namespace

std::string hex(Secret const& secret) {
    std::string out;
    for (auto const c : secret.reveal()) {
        std::array<char, 3> two{};
        (void)std::snprintf(two.data(), two.size(), "%02x", static_cast<unsigned char>(c));
        out += two.data();
    }
    return out;
}

Secret unhex(std::string const& text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return Secret(std::move(out));
}

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
                      {{"uid", {20000, 20000000, free_uid}}});
    BenchReserved const reserved;
    Admission const admission{store, reserved};
    IdleEngine engine;
    ApiSettings settings;
    settings.node = "bench";
    settings.admin_gid = ::getegid();
    MemoryCache lists(std::size_t{32} << 20, clock);
    ApiServer api({store, store, store, store, admission, engine, settings, *log, clock, nullptr, nullptr,
                   cache ? &lists : nullptr});
    PeerCredentials const peers(settings.admin_gid);
    auto const socket = directory + "/api.sock";
    api.serve({host::listen_unix(socket, ::getegid()).release(), &peers, nullptr, "unix:" + socket, {512, 512}});
    auto const key = bench_key(clock);
    store.add_key(key, {});
    KeyRing keys(store);
    TokenBuckets limits(clock, 0, 0);
    SignedRequests const signers(keys, clock, audience, limits);
    auto certificate = ApiCertificate::own(directory, {"localhost"}, clock, *log);
    auto const http = open_listener(api, signers, nullptr), https = open_listener(api, signers, certificate.current());
    std::printf("%s %u %u %s\n", socket.c_str(), http, https, hex(key.secret).c_str());
    (void)std::fflush(stdout);
    int signal = 0;
    ::sigwait(&ends, &signal);
    api.stop();
    return 0;
}

}  // namespace genesis::bench
