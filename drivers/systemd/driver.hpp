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

    enum class Manager { running, none };  // none: files only, no systemd is spoken to (tests)
    explicit SystemdDriver(NodeLayout layout = {}, Manager manager = Manager::running)
        : layout_(std::move(layout)), manager_(manager) {}

    // One look at the directory; each file of ours carries its record in its first line. One that cannot be read this
    // time is unseen.
    Observed<Slice> observe(Of<Slice>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<Slice> const> steps, Context& context);
    // One daemon-reload, and only when systemd has already loaded a slice whose file changed. Where systemd does not
    // answer at once that is found out by observe(), later: nothing waits for it that does not need it.
    CommitResult commit(Context& context);

private:
    struct Known {
        std::optional<Slice> slice;
        Unmanaged<Slice> unmanaged;  // when there is no slice of ours
    };
    [[nodiscard]] Known read_unit(host::Dir const& dir, std::string const& unit, host::FileStat const& seen) const;
    void look_at(host::Dir const& dir, std::string const& unit, Observed<Slice>& out);
    Outcome realise(host::Dir const& dir, Step<Slice> const& step);
    void note_stale(Observed<Slice>& out, Context& context);
    void ask_again(Observed<Slice>& out, Context& context);
    CommitResult ask_later(Context& context);

    NodeLayout layout_;
    Manager manager_;
    host::Systemd systemd_;
    managed::ReadOnce<Known, 1> cache_;        // by unit
    std::set<std::string> changed_, removed_;  // unit names, until a commit() has made them known
    std::map<std::string, Time> unasked_;      // changed units that systemd has not answered for, and since when; until
                                               // it has read them, or has none loaded
    bool checked_ = false;                     // whether systemd was asked what it has not read yet
};
static_assert(Driver<SystemdDriver>);

}  // namespace genesis
