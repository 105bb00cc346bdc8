// The three files of a PHP service as text, and the record back from any of them.
#include "drivers/php_fpm/render.hpp"

#include "drivers/managed/record_line.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>

namespace genesis {

namespace {

std::string header(char comment, PhpService const& record) {
    return managed::record_line(comment, record, {"config", "service_unit", "socket_unit", "enabled", "listening"});
}

// The record as a unit file carries it: of a pool only its name, so that no setting of a pool changes a unit.
std::string unit_header(PhpService record) {
    for (auto& pool : record.pools) pool = {.site = pool.site, .settings = {}};
    return header('#', record);
}

// The alphabet of PhpValue and of paths has nothing that FPM's ini grammar reads inside quotes.
std::string admin_value(std::string_view name, std::string_view value) {
    return "php_admin_value[" + std::string(name) + "] = \"" + std::string(value) + "\"\n";
}

// Temporary files, uploads and sessions live in the home, where quota counts them and no other tenant looks.
// There is no open_basedir: it is no boundary and turns off PHP's realpath cache; the unit's mounts are the boundary.
std::string pool_text(PhpService const& record, PhpPool const& pool, NodeLayout const& layout) {
    auto const temporary = record.home.str() + "/tmp";
    std::string out = "\n[" + pool.site.str() + "]\n";
    out += "listen = " + php_socket(layout, record.owner, pool.site) + "\n";
    out += "pm = ondemand\npm.max_children = " + std::to_string(pool.max_children) + "\n";
    out += "pm.process_idle_timeout = 30s\npm.max_requests = 500\n";
    out += "chdir = /\nclear_env = yes\nsecurity.limit_extensions = .php\n";
    out += "catch_workers_output = yes\ndecorate_workers_output = no\n";
    out += "env[PATH] = /usr/local/bin:/usr/bin:/bin\nenv[HOME] = " + record.home.str() + "\n";
    out += "env[TMPDIR] = " + temporary + "\n";
    for (auto const* const name : {"sys_temp_dir", "upload_tmp_dir", "session.save_path"})
        out += admin_value(name, temporary);
    out += admin_value("session.gc_probability", "1");  // Debian's own cleaning knows only /var/lib/php
    out += admin_value("session.gc_divisor", "1000");
    out += admin_value("sendmail_path", "/bin/false");
    for (auto const& [name, value] : pool.settings) out += admin_value(name, value.str());
    return out;
}

std::string config_text(PhpService const& record, NodeLayout const& layout) {
    std::string out = header(';', record);
    // Opened by the tenant, so not the log itself: --force-stderr writes to what systemd opened as root.
    out += "[global]\ndaemonize = no\nerror_log = /dev/null\nlog_limit = 4096\n";
    out += "systemd_interval = 0\nprocess_control_timeout = 10s\n";
    for (auto const& pool : record.pools) out += pool_text(record, pool, layout);
    return out;
}

// FPM takes over inherited sockets by path and number; numbers follow the order of ListenStream=.
std::string inherited(PhpService const& record, NodeLayout const& layout) {
    std::string out;
    int number = 3;  // SD_LISTEN_FDS_START
    for (auto const& pool : record.pools)
        out += (out.empty() ? "" : ",") + php_socket(layout, record.owner, pool.site) + "=" + std::to_string(number++);
    return out;
}

// The whole master runs as the tenant: there is no root process for a worker to climb into (CVE-2021-21703), and what
// it sees of the file system is its own home. SIGQUIT lets requests in flight end.
constexpr std::string_view sandbox = R"(NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=tmpfs
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
)";

std::string service_text(PhpService const& record, NodeLayout const& layout, PhpFpmSettings const& settings) {
    auto const name = record.name.str(), owner = record.owner.str(), home = record.home.str();
    auto const socket = php_unit(name, ".socket"), config = layout.php_configs() + "/" + name;
    auto const above = home.substr(0, home.rfind('/'));
    auto out = unit_header(record);
    out += "[Unit]\nDescription=PHP " + record.version.str() + " of " + owner + "\n";
    out += "Requires=" + socket + "\nAfter=" + socket + "\n\n[Service]\nType=notify\n";
    out += "User=" + owner + "\nGroup=" + owner + "\nSlice=" + record.slice.str() + ".slice\nUMask=0022\n";
    out += "Environment=FPM_SOCKETS=" + inherited(record, layout) + "\n";
    out += "ExecStart=" + settings.program_dir.str() + "/php-fpm" + record.version.str() +
           " --nodaemonize --force-stderr --fpm-config " + config + "/" + std::string(php_config_file) + "\n";
    // New pools are loaded by SIGUSR2: requests in flight end, the sockets stay open, the master begins again.
    out += "ExecReload=/bin/kill -USR2 $MAINPID\n";
    out += "KillMode=mixed\nKillSignal=SIGQUIT\nTimeoutStopSec=15\nRestart=on-failure\nOOMPolicy=continue\n";
    out += "StandardOutput=null\nStandardError=append:" + record.log_dir.str() + "/php.log\n";
    out += sandbox;
    if (above != "/home" && !above.empty()) out += "TemporaryFileSystem=" + above + ":ro\n";
    out += "BindPaths=" + home + "\n";
    // The directory, not the file: a reload must see the file that took the former's place.
    out += "TemporaryFileSystem=/etc/genesis:ro\nBindReadOnlyPaths=" + config + "\n";
    return out;
}

// Apache may connect, no tenant may. The files stay at a stop: by then another version may listen at the same path.
std::string socket_text(PhpService const& record, NodeLayout const& layout) {
    auto out = unit_header(record);
    out +=
        "[Unit]\nDescription=Sockets of PHP " + record.version.str() + " of " + record.owner.str() + "\n\n[Socket]\n";
    for (auto const& pool : record.pools) out += "ListenStream=" + php_socket(layout, record.owner, pool.site) + "\n";
    out += "SocketUser=root\nSocketGroup=" + layout.web_group + "\nSocketMode=0660\nDirectoryMode=0711\n";
    out += "Backlog=511\nRemoveOnStop=no\n\n[Install]\nWantedBy=sockets.target\n";
    return out;
}

}  // namespace

PhpFiles render_php(PhpService const& record, NodeLayout const& layout, PhpFpmSettings const& settings) {
    return {config_text(record, layout), service_text(record, layout, settings), socket_text(record, layout)};
}

PhpDigests digests_of(PhpFiles const& files) {
    auto const digest = [](std::string_view bytes) { return sha256(managed::after_first_line(bytes)); };
    return {digest(files.config), digest(files.service), digest(files.socket)};
}

std::string write_digests(PhpDigests const& digests) {
    return digests.config + " " + digests.service + " " + digests.socket + "\n";
}

PhpDigests read_digests(std::string_view stamp) {
    auto const first = stamp.find(' '), second = stamp.find(' ', first + 1), end = stamp.find('\n');
    if (first == std::string_view::npos || second == std::string_view::npos || end == std::string_view::npos) return {};
    return {std::string(stamp.substr(0, first)), std::string(stamp.substr(first + 1, second - first - 1)),
            std::string(stamp.substr(second + 1, end - second - 1))};
}

std::string legacy_stamp(PhpFiles const& files) {
    return sha256(files.config + '\0' + files.service + '\0' + files.socket);
}

std::optional<PhpService> read_php_service(std::string_view bytes) {
    auto record = managed::read_record<PhpService>(bytes);
    return record && !record->pools.empty() ? std::move(record) : std::nullopt;
}

}  // namespace genesis
