// The daemon's parts, wired.
#include "reconciler/app/daemon.hpp"

#include "drivers/catalog.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/lock.hpp"
#include "drivers/host/names.hpp"
#include "drivers/host/sockets.hpp"
#include "drivers/secrets/vault.hpp"
#include "reconciler/api/auth/signed_requests.hpp"
#include "reconciler/app/cache_wiring.hpp"
#include "reconciler/app/engine.hpp"
#include "reconciler/app/listeners.hpp"
#include "reconciler/app/metrics_sources.hpp"
#include "reconciler/app/reserved.hpp"
#include "reconciler/store/sqlite.hpp"
#include "reconciler/telemetry/log.hpp"
#include "reconciler/webhooks/webhooks.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>

namespace genesis {
namespace {

// A spec file that is replaced in two steps is gone for a moment.
constexpr std::chrono::milliseconds spec_removal_delay{2000};

struct SystemClock final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};

Level level_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return Level::debug;
        case LogLevel::info:
            return Level::info;
        case LogLevel::warning:
            return Level::warning;
        case LogLevel::error:
            return Level::error;
    }
    return Level::info;
}

std::uint32_t group(std::string const& name) {
    if (auto gid = host::group_id(name)) return *gid;
    throw Fault("there is no group " + name + " on this system");
}

// A number that no user of this system, ours or not, has.
bool free_uid(std::int64_t uid) { return !host::has_user(static_cast<std::uint32_t>(uid)); }

NodeLayout layout_of(Config const& config) {
    NodeLayout layout;
    layout.state = config.state_dir.str();
    layout.web_group = config.web_group;
    layout.web_gid = group(config.web_group);
    layout.log_gid = group(config.log_group);
    return layout;
}

// Blocks until a signal to end. Meanwhile notifies the watchdog, follows the certificate and retries listeners: every
// ten seconds, every two while one is not open, and at once on SIGHUP.
void wait_for_end(sigset_t const& signals, ApiCertificate& certificate, Listeners& listeners) {
    for (int got = 0; got != SIGTERM && got != SIGINT;) {
        host::notify("WATCHDOG=1");
        certificate.follow();
        timespec const beat{listeners.open() ? 10 : 2, 0};
        got = sigtimedwait(&signals, nullptr, &beat);
    }
}

// For callers that check names: all that this server may be called.
ApiCertificate certificate_of(Config const& config, std::string const& node, Clock const& clock, Log& log) {
    if (config.certificate) return {{config.certificate->str(), config.key->str()}, log};
    std::vector<std::string> names{node, "localhost", "127.0.0.1"};
    for (auto const& name : {host::host_name(), host::full_host_name()})
        if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return ApiCertificate::own(config.state_dir.str(), names, clock, log);
}

// Returns the signals that wait_for_end() waits for; they are blocked in all threads.
sigset_t prepare_process() {
    // A core would hold opened secrets. The limit on its size does not bind a program that takes cores (core(5)).
    ::prctl(PR_SET_DUMPABLE, 0);
    sigset_t signals;
    sigemptyset(&signals);
    for (int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, s);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);
    return signals;
}

ServerReserved reserved_of(Config const& config) {
    std::vector<std::string> names;
    for (auto const& d : config.reserved_domains) names.push_back(d.str());
    return ServerReserved(std::move(names));
}

ReconcilerSettings reconciler_settings_of(Config const& config, NodeLayout const& layout, std::string const& node,
                                          Metrics& metrics) {
    ReconcilerSettings out;
    out.node = node;
    out.resync = std::chrono::seconds(config.resync);
    out.layout = layout;
    out.max_removals = static_cast<std::size_t>(config.max_removals);
    out.metrics = &metrics;
    return out;
}

ApiSettings api_settings_of(Config const& config, std::string const& node) {
    ApiSettings out;
    out.node = node;
    out.socket = config.socket.str();
    out.admin_gid = group(config.admin_group);
    return out;
}

Listener socket_listener(Config const& config, PeerCredentials const& peers) {
    auto const path = config.socket.str();
    return {host::listen_unix(path, group(config.admin_group)).release(), &peers, nullptr, "unix:" + path, {512, 512}};
}

// A driver's call cannot be interrupted, and systemd would take a daemon that waits for a hung service for a failed
// one. Ends the process when one goes on; what it leaves half done the next start mends, as after a crash.
void leave_late_drivers(Loop& loop, Log& log) {
    auto const late = loop.still_busy(std::chrono::seconds(10));
    if (late.empty()) return;
    for (auto const& driver : late)
        log.write(Level::warning, "ended without waiting for a driver that does not answer", {{"driver", driver}});
    std::_Exit(0);
}

}  // namespace

int run_daemon(Config const& config) {
    auto const signals = prepare_process();
    SystemClock const clock;
    auto const log = make_log(level_of(config.log_level));
    auto const node = config.node.empty() ? host::host_name() : config.node;
    auto const state = config.state_dir.str();
    host::Dir::make_all(state, {0, 0, 0700});
    auto const only_one = host::lock(state + "/lock");  // two daemons on one store would undo each other

    bool const first_start = !host::Dir::open(state).look("store.db");
    auto vault = Vault::open(state + "/vault.key", first_start ? Vault::WhenMissing::make : Vault::WhenMissing::refuse);
    Metrics metrics;
    Caches caches(config, node, vault, clock, *log);
    SqliteStore store(state + "/store.db", node, std::move(vault), clock, server_ranges(free_uid), object_kinds(),
                      config.names_beneath_others ? NamesBeneath::allowed : NamesBeneath::refused);
    store.on_commit([&](GroupCommit::Committed const& c) { metrics.commit(c.took, c.jobs); });
    auto const reserved = reserved_of(config);

    auto const layout = layout_of(config);
    auto const drivers = all_drivers(layout, config);
    std::vector<AnyDriver*> driver_list;
    for (auto const& d : drivers) driver_list.push_back(d.get());

    auto const reconcile = reconciler_settings_of(config, layout, node, metrics);
    Loop loop(store, store, driver_list, clock, *log, reconcile);
    LoopEngine engine(loop);
    add_metrics_sources(metrics, loop.status(), store);
    add_metrics_sources(metrics, caches.redis());

    Admission const admission{store, reserved};
    SpecDirectory specs(config.spec_dir.str(), admission, {reconcile.max_removals, spec_removal_delay}, *log,
                        [&](Ref const& ref) { loop.wake(ref, true); });
    auto const api_settings = api_settings_of(config, node);
    KeyRing keys(store);
    SignedRequests const signed_requests(keys, clock, "node:" + node, caches.limits());
    ProbesOnly const probes;
    auto certificate = certificate_of(config, node, clock, *log);
    ListenerStatus listening;
    PeerCredentials const peers(api_settings.admin_gid);
    ApiServer api({store, store, store, store, admission, engine, api_settings, *log, clock, &metrics, &listening,
                   &caches.answers(), [&specs] { return sentences(specs.problems()); }});

    auto const events = store.on_events([&] { api.notify_events(); });
    loop.start();
    api.serve(socket_listener(config, peers));
    Listeners listeners(config, api, {signed_requests, probes}, certificate, listening, *log);
    listeners.open();
    Webhooks const webhooks(config.webhooks, store, clock, *log, &metrics);
    SpecWatch watch(config.spec_dir.str(), specs, *log);
    host::notify("READY=1");
    log->write(Level::info, "genesisd is up", {{"node", node}, {"version", GENESIS_VERSION}});
    wait_for_end(signals, certificate, listeners);
    host::notify("STOPPING=1");
    log->write(Level::info, "genesisd is stopping");
    loop.stop();  // first: requests that wait for a plan fail at once
    api.stop();
    leave_late_drivers(loop, *log);
    return 0;
}

}  // namespace genesis
