// The running Apache: its verdict on a configuration, its reload, and what it answers.
#pragma once
#include "drivers/context.hpp"
#include "drivers/host/systemd.hpp"

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

struct Tested {
    bool ok = false;
    std::string message;  // what Apache said when it is not
    std::string hosts;    // -D DUMP_VHOSTS
};

// A port, so that the logic of a batch can be proved without a server; Httpd is the one on the machine.
class WebServer {
public:
    virtual ~WebServer() = default;
    // Runs the config test once, on the staged tree or on the live one. It does not load certificates nor open logs.
    virtual Tested test(bool staged, Context& context) = 0;
    // The parent's id, once it has loaded its configuration: the file that says it is written after that.
    [[nodiscard]] virtual std::optional<pid_t> running() const = 0;
    // Running, or still loading its configuration after a start: the service manager calls it started before that.
    virtual bool alive(Context& context) = 0;
    // How many files the parent may hold open: it ends itself when there are more logs than that.
    [[nodiscard]] virtual std::size_t file_limit() const = 0;
    virtual void graceful(Context& context) = 0;  // asks the parent to load its configuration again; does not wait
    virtual void start(Context& context) = 0;     // also after it ended by itself; may return before it has loaded
    [[nodiscard]] virtual std::string generation() const = 0;  // of the configuration that answers; empty: none answers
    // Why it ended itself after the last graceful() or start(), in its own words; empty where it has not said.
    [[nodiscard]] virtual std::string complaint(Context& context) const = 0;
};

struct HttpdSettings {
    std::string program = "/usr/sbin/apache2", unit = "apache2.service", pid_file = "/run/apache2/apache2.pid";
    // /etc/apache2/envvars by value: no shell reads it for us.
    std::map<std::string, std::string> environment = {{"APACHE_RUN_USER", "www-data"},
                                                      {"APACHE_RUN_GROUP", "www-data"},
                                                      {"APACHE_PID_FILE", "/run/apache2/apache2.pid"},
                                                      {"APACHE_RUN_DIR", "/run/apache2"},
                                                      {"APACHE_LOCK_DIR", "/run/lock/apache2"},
                                                      {"APACHE_LOG_DIR", "/var/log/apache2"},
                                                      {"LANG", "C"}};
};

class Httpd final : public WebServer {
public:
    explicit Httpd(HttpdSettings settings) : settings_(std::move(settings)) {}
    Tested test(bool staged, Context& context) override;
    [[nodiscard]] std::optional<pid_t> running() const override;
    bool alive(Context& context) override;
    [[nodiscard]] std::size_t file_limit() const override;
    void graceful(Context& context) override;
    void start(Context& context) override;
    [[nodiscard]] std::string generation() const override;
    [[nodiscard]] std::string complaint(Context& context) const override;

private:
    // What there was to read when it was last asked to load or start.
    struct Asked {
        Time at{};
        std::uint64_t logged = 0;  // bytes of its error log
        std::optional<pid_t> parent;
    };
    [[nodiscard]] std::string log_path() const;
    void note_asked(Context const& context);

    HttpdSettings settings_;
    host::Systemd systemd_;
    Asked asked_;
};

// Where Apache says which tree it serves: at an address of its own, so that no virtual host of the operator's comes
// before it; only root may take a port below 1024 (ip(7), ip_unprivileged_port_start), and bindresvport(3) none below
// 512.
inline constexpr std::uint16_t canary_port = 171;
// A file of the tree that makes the server say so, on the loopback interface only.
std::string canary(std::string_view generation);
// Whether a file is what canary() writes for some generation.
bool is_canary(std::string_view bytes);

// From a dump: who gets a name. Apache gives it to the first host of the port that lists it, exactly or by wildcard.
class HostMap {
public:
    explicit HostMap(std::string_view dump);
    // The file of the host that answers to `name` on `port`; empty when only the default host does.
    [[nodiscard]] std::string owner(int port, std::string_view name) const;

private:
    struct Entry {
        std::size_t order = 0;
        std::string file;
    };
    struct Port {
        std::map<std::string, Entry, std::less<>> exact;
        std::vector<std::pair<std::string, Entry>> wild;
    };
    std::map<int, Port> ports_;
};

}  // namespace genesis
