// The daemon's parts, wired.
#include "reconciler/app/daemon.hpp"

#include "drivers/catalog.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/lock.hpp"
#include "drivers/host/names.hpp"
#include "drivers/host/sockets.hpp"
#include "drivers/secrets/vault.hpp"
#include "reconciler/api/signed_requests.hpp"
#include "reconciler/app/caches.hpp"
#include "reconciler/app/doors.hpp"
#include "reconciler/app/engine.hpp"
#include "reconciler/app/gauges.hpp"
#include "reconciler/app/reserved.hpp"
#include "reconciler/store/sqlite.hpp"
#include "reconciler/telemetry/log.hpp"
#include "reconciler/webhooks/webhooks.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>

namespace genesis {
namespace {

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

Terrain terrain_of(Config const& config) {
    Terrain t;
    t.web_gid = group(config.web_group);
    t.log_gid = group(config.log_group);
    return t;
}

// Blocks until a signal to end; tells the service manager meanwhile that we live, and looks after the doors, at once
// when there is a SIGHUP. What the allocator holds after a thousand connections goes back to the system.
void wait_for_end(sigset_t const& signals, ApiCertificate& certificate, Doors& doors) {
    timespec const beat{2, 0};
    for (int got = 0; got != SIGTERM && got != SIGINT; got = sigtimedwait(&signals, nullptr, &beat)) {
        host::notify("WATCHDOG=1");
        certificate.follow();
        doors.open();
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

}  // namespace

int run_daemon(Config const& config) {
    // A core would hold opened secrets. The limit on its size does not bind a program that takes cores (core(5)).
    ::prctl(PR_SET_DUMPABLE, 0);
    sigset_t signals;
    sigemptyset(&signals);
    for (int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, s);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);

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
    SqliteStore store(state + "/store.db", node, std::move(vault), clock, server_ranges(free_uid));
    store.on_commit([&](GroupCommit::Committed const& c) { metrics.commit(c.took, c.jobs); });
    std::vector<std::string> reserved_names;
    for (auto const& d : config.reserved_domains) reserved_names.push_back(d.str());
    ServerReserved const reserved(std::move(reserved_names));

    DriverSettings settings;
    settings.state_dir = state;
    settings.mariadb_socket = config.mariadb_socket.str();
    settings.apache_canary_port = static_cast<int>(config.apache_canary_port);
    auto const drivers = all_drivers(settings);
    std::vector<AnyDriver*> driver_list;
    for (auto const& d : drivers) driver_list.push_back(d.get());

    Executor executor(driver_list, store, clock, *log, {});
    ReconcilerSettings reconcile;
    reconcile.terrain = terrain_of(config);
    reconcile.max_removals = static_cast<std::size_t>(config.max_removals);
    reconcile.metrics = &metrics;
    Reconciler reconciler(store, store, executor, clock, *log, reconcile);
    LoopSettings loop_settings;
    loop_settings.resync = std::chrono::seconds(config.resync);
    Loop loop(reconciler, clock, *log, loop_settings);
    LoopEngine engine(loop);
    add_gauges(metrics, loop.board(), store);
    add_gauges(metrics, caches.redis());

    Admission const admission{store, reserved};
    SpecDirectory specs(config.spec_dir.str(), admission, reconcile.max_removals, *log,
                        [&](Ref const& ref) { loop.wake(ref, true); });
    ApiSettings api_settings;
    api_settings.node = node;
    api_settings.socket = config.socket.str();
    api_settings.admin_gid = group(config.admin_group);
    KeyRing keys(store);
    SignedRequests const signed_requests(keys, clock, "node:" + node, caches.limits());
    ProbesOnly const probes;
    auto certificate = certificate_of(config, node, clock, *log);
    Listening listening;
    PeerCredentials const peers(api_settings.admin_gid);
    ApiServer api({store, store, store, store, admission, engine, api_settings, *log, clock, &metrics, &listening,
                   &caches.answers()});

    auto const events = store.on_events([&] { api.events_came(); });
    loop.start();
    api.serve({host::listen_unix(config.socket.str(), group(config.admin_group)).release(),
               &peers,
               nullptr,
               "unix:" + config.socket.str(),
               {512, 512}});
    Doors doors(config, api, {signed_requests, probes}, certificate, listening, *log);
    doors.open();
    Webhooks const webhooks(config.webhooks, store, clock, *log, &metrics);
    SpecWatch watch(config.spec_dir.str(), specs, *log);
    host::notify("READY=1");
    log->write(Level::info, "genesisd is up", {{"node", node}, {"version", GENESIS_VERSION}});
    wait_for_end(signals, certificate, doors);
    host::notify("STOPPING=1");
    log->write(Level::info, "genesisd is stopping");
    loop.stop();  // first: whoever waits for a plan is told that there will be none
    api.stop();
    return 0;
}

}  // namespace genesis
