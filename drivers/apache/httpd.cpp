// The running Apache: its verdict on a configuration, its reload, and what it answers.
#include "drivers/apache/httpd.hpp"

#include "drivers/apache/complaint.hpp"
#include "drivers/host/exec.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/journal.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <fstream>
#include <limits>

namespace genesis {

namespace {

constexpr std::string_view generation_header = "X-Genesis-Generation: ";

std::optional<int> number(std::string_view text) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value <= 0) return std::nullopt;
    return value;
}

std::string_view trimmed(std::string_view text) {
    auto const from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// "name (/file:12)" → name and file.
std::pair<std::string, std::string> name_and_file(std::string_view text) {
    auto const open = text.rfind(" ("), colon = text.rfind(':');
    if (open == std::string_view::npos || colon == std::string_view::npos || colon < open) return {};
    return {std::string(text.substr(0, open)), std::string(text.substr(open + 2, colon - open - 2))};
}

// As Apache's ap_strcasecmp_match(): "*" is any run of characters. Names here are lower case already.
bool matches(std::string_view pattern, std::string_view name) {
    if (pattern.empty()) return name.empty();
    if (pattern.front() != '*')
        return !name.empty() && pattern.front() == name.front() && matches(pattern.substr(1), name.substr(1));
    for (std::size_t skip = 0; skip <= name.size(); ++skip)
        if (matches(pattern.substr(1), name.substr(skip))) return true;
    return false;
}

std::string ask() {
    host::Fd const fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return {};
    timeval const limit{2, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(canary_port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr const*>(&to), sizeof to) != 0) return {};
    constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size())) return {};
    std::string out;
    std::array<char, 2048> part{};
    while (out.size() < 8192) {
        auto const got = ::recv(fd.get(), part.data(), part.size(), 0);
        if (got <= 0) break;
        out.append(part.data(), static_cast<std::size_t>(got));
    }
    return out;
}

}  // namespace

Tested Httpd::test(bool staged, Context& context) {
    host::Command command{
        .argv = {settings_.program, "-t", "-D", "DUMP_VHOSTS"}, .input = {}, .environment = settings_.environment};
    if (staged) command.argv.insert(command.argv.end(), {"-D", "GENESIS_STAGED"});
    command.most = 64 << 20;  // some 300 bytes for each site
    auto ran = host::run(command, context);
    if (ran.ok()) return {true, {}, std::move(ran.out)};
    return {false, ran.err.empty() ? ran.why() : ran.err, {}};
}

std::optional<pid_t> Httpd::running() const {
    auto const [dir_path, name] = host::split(settings_.pid_file);
    auto const dir = host::Dir::try_open(dir_path);
    auto const file = dir ? dir->read(name) : std::nullopt;
    if (!file) return std::nullopt;
    auto const pid = number(trimmed(file->bytes));
    if (!pid || ::kill(*pid, 0) != 0) return std::nullopt;
    // Not /proc/PID/exe: reading that link of a process with more capabilities than ours takes CAP_SYS_PTRACE.
    auto const proc = "/proc/" + std::to_string(*pid);
    struct stat owner {};
    std::string program;
    std::ifstream arguments(proc + "/cmdline");
    std::getline(arguments, program, '\0');
    bool const ours = ::stat(proc.c_str(), &owner) == 0 && owner.st_uid == ::geteuid() && program == settings_.program;
    if (!ours) return std::nullopt;  // a stale file, the id is another's by now
    return *pid;
}

bool Httpd::alive(Context& context) {
    if (running()) return true;
    auto const state = systemd_.loaded({settings_.unit}, {settings_.unit}, context);
    auto const unit = state.find(settings_.unit);
    return unit != state.end() && unit->second != "inactive" && unit->second != "failed";
}

// "Max open files   8192   8192   files" of proc(5). A server that does not run will be started with its unit's limit,
// which nothing but a start shows.
std::size_t Httpd::file_limit() const {
    constexpr std::size_t unknown = std::numeric_limits<std::size_t>::max();
    auto const parent = running();
    if (!parent) return unknown;
    std::ifstream limits("/proc/" + std::to_string(*parent) + "/limits");
    for (std::string one; std::getline(limits, one);) {
        if (!one.starts_with("Max open files")) continue;
        auto const soft = trimmed(std::string_view(one).substr(14));
        auto const value = number(soft.substr(0, soft.find(' ')));
        return value ? std::size_t(*value) : unknown;
    }
    return unknown;
}

// SIGUSR1 to the parent (httpd's "Stopping and Restarting"), not `apachectl graceful`: that is a shell script, and it
// would test again what was tested already.
void Httpd::graceful(Context& context) {
    note_asked(context);
    auto const parent = running();
    if (!parent || ::kill(*parent, SIGUSR1) != 0) throw Fault(settings_.unit + " is not running");
}

void Httpd::start(Context& context) {
    note_asked(context);
    systemd_.reset_failed({settings_.unit}, context);
    auto const failed = systemd_.restart({settings_.unit}, context);
    if (failed.empty()) return;
    auto const said = complaint(context);
    throw Fault(settings_.unit + " does not start: " + (said.empty() ? failed.begin()->second : said));
}

std::string Httpd::log_path() const {
    auto const dir = settings_.environment.find("APACHE_LOG_DIR");
    return (dir == settings_.environment.end() ? std::string("/var/log/apache2") : dir->second) + "/error.log";
}

void Httpd::note_asked(Context const& context) {
    struct stat log {};
    bool const there = ::stat(log_path().c_str(), &log) == 0;
    asked_ = {context.clock.now(), there ? static_cast<std::uint64_t>(log.st_size) : 0, running()};
}

std::string Httpd::complaint(Context& /*context*/) const {
    std::ifstream log(log_path());
    std::string logged(64 << 10, '\0');
    log.seekg(static_cast<std::streamoff>(asked_.logged));
    log.read(logged.data(), static_cast<std::streamsize>(logged.size()));
    logged.resize(static_cast<std::size_t>(log.gcount()));
    return genesis::complaint(host::written_by(settings_.unit, asked_.at), logged, asked_.parent);
}

std::string Httpd::generation() const {
    auto const answer = ask();
    auto const at = answer.find(generation_header);
    if (at == std::string::npos) return {};
    auto const from = at + generation_header.size();
    return answer.substr(from, answer.find('\r', from) - from);
}

std::string canary(std::string_view generation) {
    auto const address = "127.0.0.1:" + std::to_string(canary_port);
    return "# Made by Genesis: says which tree of sites the running server has loaded.\nListen " + address +
           "\n<VirtualHost " + address +
           ">\n    ServerName generation.invalid\n    Redirect 404 \"/\"\n    CustomLog \"/dev/null\" common\n    "
           "Header always set " +
           std::string(generation_header.substr(0, generation_header.size() - 2)) + " \"" + std::string(generation) +
           "\"\n</VirtualHost>\n";
}

bool is_canary(std::string_view bytes) {
    auto const from = bytes.find('"', bytes.find(generation_header.substr(0, generation_header.size() - 2)));
    if (from == std::string_view::npos) return false;
    return bytes == canary(bytes.substr(from + 1, bytes.find('"', from + 1) - from - 1));
}

HostMap::HostMap(std::string_view dump) {
    Port* port = nullptr;
    std::size_t order = 0;
    std::string file;
    while (!dump.empty()) {
        auto const end = std::min(dump.find('\n'), dump.size());
        auto const raw = dump.substr(0, end);
        auto const text = trimmed(raw);
        dump.remove_prefix(std::min(end + 1, dump.size()));
        auto add = [&](std::string_view rest) {
            auto [name, from] = name_and_file(rest);
            file = std::move(from);
            port->exact.try_emplace(std::move(name), Entry{order++, file});
        };
        if (!raw.starts_with(' ')) {  // "*:443   is a NameVirtualHost", or "*:443   name (file:1)" for a single host
            auto const space = text.find(' '), colon = text.substr(0, space).rfind(':');
            auto const which =
                colon == std::string_view::npos ? std::nullopt : number(text.substr(colon + 1, space - colon - 1));
            port = which && space != std::string_view::npos ? &ports_[*which] : nullptr;
            if (port != nullptr && !text.ends_with("is a NameVirtualHost")) add(trimmed(text.substr(space)));
        } else if (port == nullptr) {
            continue;
        } else if (auto const at = text.find(" namevhost ");
                   text.starts_with("port ") && at != std::string_view::npos) {
            add(text.substr(at + 11));
        } else if (text.starts_with("alias ")) {
            port->exact.try_emplace(std::string(text.substr(6)), Entry{order++, file});
        } else if (text.starts_with("wild alias ")) {
            port->wild.emplace_back(std::string(text.substr(11)), Entry{order++, file});
        }
    }
}

std::string HostMap::owner(int port, std::string_view name) const {
    auto const found = ports_.find(port);
    if (found == ports_.end()) return {};
    auto const exact = found->second.exact.find(name);
    Entry const* best = exact == found->second.exact.end() ? nullptr : &exact->second;
    for (auto const& [pattern, entry] : found->second.wild)
        if ((best == nullptr || entry.order < best->order) && (pattern == name || matches(pattern, name)))
            best = &entry;
    return best == nullptr ? std::string() : best->file;
}

}  // namespace genesis
