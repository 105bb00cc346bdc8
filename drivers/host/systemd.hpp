// systemd's manager over D-Bus (org.freedesktop.systemd1): units listed in bulk, changed without a fork.
#pragma once
#include "drivers/context.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::host {

struct UnitState {
    std::string load, active, sub;  // "loaded", "active", "running"
};

// One connection, for one thread; opened on first use and again after an error. All members throw Fault.
class Systemd {
public:
    Systemd();
    Systemd(Systemd&&) noexcept;
    Systemd& operator=(Systemd&&) noexcept;
    ~Systemd();

    // ListUnitsByPatterns: only units that are loaded. Keys are whole unit names.
    std::map<std::string, UnitState> units(std::vector<std::string> const& patterns, Context const& context);
    // ListUnitFilesByPatterns: name → "enabled", "disabled", "static" …
    std::map<std::string, std::string> unit_files(std::vector<std::string> const& patterns, Context const& context);
    void daemon_reload(Context const& context);
    void enable(std::vector<std::string> const& units, Context const& context);   // EnableUnitFiles, then no reload
    void disable(std::vector<std::string> const& units, Context const& context);  // DisableUnitFiles
    // Starts the jobs all at once and waits for all of them; unit → why for those that failed.
    std::map<std::string, std::string> start(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> stop(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> restart(std::vector<std::string> const& units, Context const& context);
    std::map<std::string, std::string> reload(std::vector<std::string> const& units, Context const& context);
    void kill(std::string const& unit, int signal, Context const& context);  // KillUnit, all processes
    void reset_failed(std::vector<std::string> const& units, Context const& context);
    // A property of a loaded unit as text, numbers in decimal; `interface` is "Unit", "Service", "Slice" …
    std::string property(std::string const& unit, std::string const& interface, std::string const& name,
                         Context const& context);

private:
    struct Bus;
    std::unique_ptr<Bus> bus_;
};

}  // namespace genesis::host
