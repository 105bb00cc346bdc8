// Slices: the limits of an account as a unit file of systemd.
#pragma once
#include "drivers/systemd/kinds.hpp"

#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/systemd.hpp"
#include "drivers/layout.hpp"
#include "drivers/managed/read_once.hpp"

namespace genesis {

class SystemdDriver {
public:
    using Kinds = std::tuple<Slice>;

    enum class Manager { told, none };  // none: files only, no systemd is spoken to (tests)
    explicit SystemdDriver(NodeLayout layout = {}, Manager manager = Manager::told)
        : layout_(std::move(layout)), manager_(manager) {}

    // One look at the directory; each file of ours carries its record in its first line.
    Observed<Slice> observe(Of<Slice>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<Slice> const> steps, Context& context);
    // One daemon-reload, and only when systemd has already loaded a slice whose file changed.
    CommitResult commit(Context& context);

private:
    struct Known {
        std::optional<Slice> slice;
        Unmanaged<Slice> unmanaged;  // when there is no slice of ours
    };
    [[nodiscard]] Known read_unit(host::Dir const& dir, std::string const& unit) const;
    void note_stale(Observed<Slice>& out, Context& context);

    NodeLayout layout_;
    Manager manager_;
    host::Systemd systemd_;
    managed::ReadOnce<Known, 1> cache_;        // by unit
    std::set<std::string> changed_, removed_;  // unit names, until commit()
    bool checked_ = false;                     // whether systemd was asked what it has not read yet
};
static_assert(Driver<SystemdDriver>);

}  // namespace genesis
