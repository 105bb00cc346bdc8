// systemd's manager over D-Bus (org.freedesktop.systemd1): units listed in bulk, changed without a fork.
#pragma once
#include "drivers/context.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace genesis::host {

struct UnitStatus {
    std::string name, description, active, sub;  // ActiveState and SubState
};

// A service that exists in systemd's memory only, until it has ended and is unloaded or the machine restarts.
struct TransientService {
    using Value = std::variant<std::string, bool, std::uint64_t, std::vector<std::string>>;
    std::string unit;
    std::vector<std::string> argv;                          // argv[0] is an absolute path; nothing in it is expanded
    std::vector<std::pair<std::string, Value>> properties;  // as org.freedesktop.systemd1(5) names and types them
};

// How a service's main process is or was.
struct ServiceResult {
    std::string result;  // "success", "exit-code", "signal", "timeout", "oom-kill" ...
    int status = 0;      // exit code or signal
    Time started{};
};

// What came of jobs that were waited for so long at most.
struct JobsEnded {
    std::map<std::string, std::string> failed;  // unit → why
    std::set<std::string> going_on;             // units whose jobs had not ended by then; they go on by themselves
};

enum class Inactive { listed, left_out };

// One connection, for one thread; opened on first use and again after an error. All members throw Fault.
class Systemd {
public:
    Systemd();
    Systemd(Systemd&&) noexcept;
    Systemd& operator=(Systemd&&) noexcept;
    ~Systemd();

    // The loaded units that match, of all states or with one of these as load, active or sub state. One call, whose
    // cost is that of all units of the machine, and of each that is answered.
    std::vector<UnitStatus> list(std::vector<std::string> const& patterns, Context const& context,
                                 std::vector<std::string> const& states = {});
    // Of these units those that are loaded, with their ActiveState; none is loaded by being asked for. Few are asked
    // for one by one, many by one listing of what matches `patterns`, which must match all of them. Where services wait
    // for their first request most are inactive, and to leave them out costs systemd and the bus half as much.
    std::map<std::string, std::string> loaded(std::vector<std::string> const& units,
                                              std::vector<std::string> const& patterns, Context const& context,
                                              Inactive inactive = Inactive::listed);
    // Whether the file of a loaded unit changed since systemd read it.
    bool needs_reload(std::string const& unit, Context const& context);
    void daemon_reload(Context const& context);
    // Starts the jobs side by side, 64 at a time, and waits for all of them; unit → why for those that failed.
    std::map<std::string, std::string> start(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> stop(std::vector<std::string> const& units, Context const& context);
    // Every stop is asked for, however long others of them take; waits for their ends for so long. For units that run
    // what a tenant gave them: a stop lasts as long as their requests, or as the unit's TimeoutStopSec=.
    JobsEnded stop(std::vector<std::string> const& units, std::chrono::milliseconds longest, Context const& context);
    std::map<std::string, std::string> restart(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> reload(std::vector<std::string> const& units, Context const& context);
    // Starts them likewise; one that exists already is left as it is and counts as started.
    std::map<std::string, std::string> start(std::vector<TransientService> const& services, Context const& context);
    // Of a service that is loaded; a default one where it is not.
    ServiceResult result_of(std::string const& unit, Context const& context);
    void reset_failed(std::vector<std::string> const& units, Context const& context);

private:
    struct Bus;
    std::unique_ptr<Bus> bus_;
};

}  // namespace genesis::host
