// Slices: the limits of an account as a unit file of systemd.
#pragma once
#include "drivers/systemd/kinds.hpp"

#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/systemd.hpp"

namespace genesis {

class SystemdDriver {
public:
    using Kinds = std::tuple<Slice>;

    struct Settings {
        std::string units = "/etc/systemd/system";
        bool manager = true;  // false: files only, no systemd is spoken to (tests)
    };

    SystemdDriver() = default;
    explicit SystemdDriver(Settings settings) : settings_(std::move(settings)) {}

    // One look at the directory; each file of ours carries its record in its second line.
    Observed<Slice> observe(Of<Slice>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<Slice> const> steps, Context& context);
    // One daemon-reload, and only when systemd has already loaded a slice whose file changed.
    Settled settle(Context& context);

private:
    void note_stale(Observed<Slice>& out, Context& context);

    Settings settings_;
    host::Systemd systemd_;
    std::set<std::string> changed_, removed_;  // unit names, until settle()
    bool checked_ = false;                     // whether systemd was asked what it has not read yet
};
static_assert(Driver<SystemdDriver>);

}  // namespace genesis
