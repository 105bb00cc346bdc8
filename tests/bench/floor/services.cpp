// sd-bus, one systemd-sysusers and one SIGUSR1; unfinished jobs are bounded, since systemd's bus is (max_match_rules).
#include "tests/bench/floor/services.hpp"

#include "drivers/host/exec.hpp"

#include <systemd/sd-bus.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>

namespace genesis::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t unfinished_most = 64;
constexpr int generation_port = 7099;
constexpr char const* unit_directory = "/etc/systemd/system";

struct WallClock final : Clock {
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
};
struct NoLog final : Log {
    void write(Level, std::string_view, Fields) override {}
};

void run(host::Command const& command) {
    WallClock const clock;
    NoLog log;
    auto const ran = host::run(command, {{}, clock.steady() + 10min, clock, log});
    if (!ran.ok()) throw std::runtime_error(command.argv[0] + ": " + ran.why());
}

int need(int result, char const* what) {
    if (result < 0) throw std::runtime_error(std::string("systemd: ") + what + ": " + std::strerror(-result));
    return result;
}

struct Unref {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

// The jobs that were asked for and have not ended.
class Jobs {
public:
    Jobs() {
        sd_bus* opened = nullptr;
        need(sd_bus_open_system(&opened), "no connection");
        bus_.reset(opened);
        need(sd_bus_match_signal(opened, nullptr, service, object, manager, "JobRemoved", on_removed, this), "match");
        call(make("Subscribe"));
    }
    void start(std::vector<std::string> const& all) {
        for (std::size_t sent = 0; sent < all.size() || !open_.empty();) {
            for (; sent < all.size() && open_.size() < unfinished_most; ++sent) {
                auto const message = make("StartUnit");
                need(sd_bus_message_append(message.get(), "ss", all[sent].c_str(), "replace"), "message");
                need(sd_bus_call_async(bus_.get(), nullptr, message.get(), on_reply, this, 0), "StartUnit");
                open_.insert(all[sent]);
            }
            turn();
        }
        if (!failed_.empty()) throw std::runtime_error("not started: " + failed_);
    }

private:
    static constexpr char const *service = "org.freedesktop.systemd1", *object = "/org/freedesktop/systemd1",
                                *manager = "org.freedesktop.systemd1.Manager";
    Message make(char const* member) {
        sd_bus_message* message = nullptr;
        need(sd_bus_message_new_method_call(bus_.get(), &message, service, object, manager, member), member);
        return Message(message);
    }
    void call(Message const& message) {
        need(sd_bus_call(bus_.get(), message.get(), 600'000'000, nullptr, nullptr),
             sd_bus_message_get_member(message.get()));
    }
    void turn() {
        if (need(sd_bus_process(bus_.get(), nullptr), "the connection broke") > 0) return;
        need(sd_bus_wait(bus_.get(), 60'000'000), "wait");
    }
    static int on_reply(sd_bus_message* reply, void* self, sd_bus_error* /*error*/) {
        if (auto const* error = sd_bus_message_get_error(reply)) throw_later(self, error->message);
        return 0;
    }
    static int on_removed(sd_bus_message* message, void* self, sd_bus_error* /*error*/) {
        std::uint32_t id = 0;
        char const *job = nullptr, *unit = nullptr, *result = nullptr;
        if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0) return 0;
        if (static_cast<Jobs*>(self)->open_.erase(unit) > 0 && std::string_view(result) != "done")
            static_cast<Jobs*>(self)->failed_ = std::string(unit) + " " + result;
        return 0;
    }
    // No job comes of it, so that there is nothing to wait for any more.
    static void throw_later(void* self, char const* why) {
        static_cast<Jobs*>(self)->failed_ = why;
        static_cast<Jobs*>(self)->open_.clear();
    }
    std::unique_ptr<sd_bus, Unref> bus_;
    std::set<std::string> open_;
    std::string failed_;
};

std::map<std::string, std::string> const apache_environment = {
    {"APACHE_RUN_USER", "www-data"},        {"APACHE_RUN_GROUP", "www-data"},
    {"APACHE_RUN_DIR", "/run/apache2"},     {"APACHE_PID_FILE", "/run/apache2/apache2.pid"},
    {"APACHE_LOG_DIR", "/var/log/apache2"}, {"APACHE_LOCK_DIR", "/run/lock/apache2"}};

std::string ask_generation() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(generation_port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string out;
    constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    std::array<char, 2048> part{};
    if (::connect(fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) == 0 &&
        ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()))
        for (ssize_t got = 0; (got = ::recv(fd, part.data(), part.size(), 0)) > 0;)
            out.append(part.data(), static_cast<std::size_t>(got));
    ::close(fd);
    return out;
}

}  // namespace

void make_users(std::vector<Account> const& accounts) {
    std::string input;
    for (auto const& a : accounts) {
        auto const uid = std::to_string(a.uid);
        input += "g " + a.name + " " + uid + "\nu " + a.name + " " + uid + ":" + uid + " \"floor\" " + a.home +
                 " /usr/sbin/nologin\nm " + a.name + " genesis-nossh\n";
    }
    run({.argv = {"/usr/bin/systemd-sysusers", "-"}, .input = input});
}

void start_sockets(std::vector<Account> const& accounts, std::string const& php) {
    std::vector<std::string> units;
    units.reserve(accounts.size());
    for (auto const& a : accounts) units.push_back("genesis-php-" + a.name + "-" + php + ".socket");
    // By links, as systemctl(1) makes them: EnableUnitFiles would have systemd read all units again.
    std::filesystem::path const directory(unit_directory), wanted = directory / "sockets.target.wants";
    std::filesystem::create_directories(wanted);
    for (auto const& unit : units) {
        std::filesystem::remove(wanted / unit);
        std::filesystem::create_symlink(directory / unit, wanted / unit);
    }
    Jobs().start(units);
}

std::string generation_host(std::string const& generation) {
    auto const address = "127.0.0.1:" + std::to_string(generation_port);
    return "Listen " + address + "\n<VirtualHost " + address +
           ">\n    ServerName floor.invalid\n    Redirect 404 \"/\"\n"
           "    Header always set X-Generation \"" +
           generation + "\"\n</VirtualHost>\n";
}

void test_apache() {
    run({.argv = {"/usr/sbin/apache2", "-t", "-D", "DUMP_VHOSTS"},
         .environment = apache_environment,
         .most = std::size_t{64} << 20U});
}

void reload_apache(std::string const& generation) {
    pid_t pid = 0;
    std::ifstream("/run/apache2/apache2.pid") >> pid;
    if (pid <= 1 || ::kill(pid, SIGUSR1) != 0) throw std::runtime_error("Apache does not run");
    for (auto const until = std::chrono::steady_clock::now() + 5min;;) {
        if (ask_generation().find("X-Generation: " + generation) != std::string::npos) return;
        if (std::chrono::steady_clock::now() > until) throw std::runtime_error("Apache has not loaded the sites");
        std::this_thread::sleep_for(5ms);
    }
}

}  // namespace genesis::bench
