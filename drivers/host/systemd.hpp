// systemd's manager over D-Bus (org.freedesktop.systemd1): units listed in bulk, changed without a fork.
#pragma once
#include "drivers/context.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::host {

// One connection, for one thread; opened on first use and again after an error. All members throw Fault.
class Systemd {
public:
    Systemd();
    Systemd(Systemd&&) noexcept;
    Systemd& operator=(Systemd&&) noexcept;
    ~Systemd();

    // Of the loaded units that match: unit → its ActiveState. One call, whose cost is that of all units of the machine.
    std::map<std::string, std::string> matching(std::vector<std::string> const& patterns, Context const& context);
    // Of these units those that are loaded, with their ActiveState; none is loaded by being asked for. Few are asked
    // for one by one, many by one listing of what matches `patterns`, which must match all of them.
    std::map<std::string, std::string> loaded(std::vector<std::string> const& units,
                                              std::vector<std::string> const& patterns, Context const& context);
    // Whether the file of a loaded unit changed since systemd read it.
    bool needs_reload(std::string const& unit, Context const& context);
    void daemon_reload(Context const& context);
    void enable(std::vector<std::string> const& units, Context const& context);   // EnableUnitFiles, then no reload
    void disable(std::vector<std::string> const& units, Context const& context);  // DisableUnitFiles
    // Starts the jobs side by side, 64 at a time, and waits for all of them; unit → why for those that failed.
    std::map<std::string, std::string> start(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> stop(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> restart(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> reload(std::vector<std::string> const& units, Context const& context);
    void reset_failed(std::vector<std::string> const& units, Context const& context);

private:
    struct Bus;
    std::unique_ptr<Bus> bus_;
};

}  // namespace genesis::host
