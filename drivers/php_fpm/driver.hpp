// Keeps PHP-FPM: a configuration, a service unit and a socket unit for each account and version.
#pragma once
#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/systemd.hpp"
#include "drivers/managed/read_once.hpp"
#include "drivers/php_fpm/render.hpp"

namespace genesis {

// The versions whose FPM program is in the directory, oldest first.
std::vector<std::string> installed_php(std::string const& program_dir);

// Files are ours when any of them begins with our header, or when we keep a stamp of that name: the digests of what
// systemd and the FPM master were last given. A stamp is taken away before files change and put back once commit() has
// succeeded, so a crash anywhere between shows as `listening: false`. A new setting of a pool reloads the master that
// runs; only what systemd must know (sites, user, mounts) stops it. A master that is stopped first ends the requests it
// has, which may take as long as its unit allows: that is waited for shortly, and then it is in progress until systemd
// says that it has ended. Meanwhile nothing of that service is done, and everything of others.
class PhpFpmDriver {
public:
    using Kinds = std::tuple<PhpService>;

    explicit PhpFpmDriver(NodeLayout layout = {}, PhpFpmSettings settings = {})
        : layout_(std::move(layout)), settings_(std::move(settings)) {}

    Observed<PhpService> observe(Of<PhpService>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<PhpService> const> steps, Context& context);
    CommitResult commit(Context& context);

private:
    static constexpr std::string_view starts_at_boot = "sockets.target.wants";  // in the directory of the units
    struct Dirs {
        host::Dir config, units, stamps;
        std::optional<host::Dir> enabled, sockets;  // where they stood when this was made
    };
    // What the files of a service said.
    struct Known {
        std::optional<PhpService> record;  // with its file fields filled; nothing: no header
        PhpDigests digests;
        bool exists = false;  // any file of it; an empty directory is what a crash leaves
        bool given = false;   // to systemd and the master
    };
    struct Pending {
        PhpService record;
        Verb verb{};
        bool units_changed = false;                                              // a unit's file was written
        bool config_given = false, service_given = false, socket_given = false;  // known already to whom it concerns
        [[nodiscard]] bool units_given() const { return service_given && socket_given; }
    };
    // Of the units of one batch.
    struct Result {
        std::map<std::string, std::string> failed;              // unit → why
        std::set<std::string> stopping;                         // will have stopped later
        [[nodiscard]] bool stops(std::string_view name) const;  // a unit of that service
    };
    using UnitStates = std::map<std::string, std::string>;  // loaded unit → ActiveState
    struct Orders;                                          // commit.cpp: what systemd is to do for one batch

    [[nodiscard]] Dirs complete(host::Dir config, host::Dir units, host::Dir stamps) const;
    [[nodiscard]] std::optional<Dirs> try_dirs() const;
    [[nodiscard]] Dirs make_dirs() const;
    [[nodiscard]] std::set<std::string> names(Dirs const& dirs) const;
    Known const& known(Dirs const& dirs, std::string const& name);
    void look_at(Dirs const& dirs, std::string const& name, std::map<std::string, std::string> const& units,
                 Observed<PhpService>& out);
    [[nodiscard]] PhpDigests given(Dirs const& dirs, std::string const& name) const;
    void stamp(Dirs const& dirs, std::string const& name, PhpDigests const& digests) const;
    [[nodiscard]] bool sockets_stand(Dirs const& dirs, PhpService const& record) const;
    Outcome realise(Dirs const& dirs, Step<PhpService> const& step);
    void write_config(Dirs const& dirs, std::string const& name, std::string const& bytes) const;
    void drop_legacy(Dirs const& dirs, std::string const& name) const;
    [[nodiscard]] std::string missing_version(PhpVersion const& version) const;
    UnitStates states(std::vector<Pending> const& batch, Context& context);
    bool outdated(Pending const& p, UnitStates const& loaded, Context& context);
    void enable(Dirs const& dirs, std::vector<std::string> const& sockets) const;
    Orders orders_for(Dirs const& dirs, std::vector<Pending> const& batch, Context& context);
    void give(Dirs const& dirs, std::vector<Pending> const& batch, Result& result, Context& context);
    void take_away(Dirs const& dirs, std::vector<Pending> const& batch, Result& result, Context& context);
    void stop(std::vector<std::string> const& units, Result& result, Context& context);
    void note_stopping(std::string const& name, std::map<std::string, std::string> const& units,
                       Observed<PhpService>& out, Context const& context);
    Outcome outcome_of(Dirs const& dirs, Pending const& p, Result const& result);
    void forget(Dirs const& dirs, std::string const& name, Context& context);
    void sweep(Dirs const& dirs, std::set<std::string> const& owners, Context& context);

    NodeLayout layout_;
    PhpFpmSettings settings_;
    host::Systemd systemd_;
    managed::ReadOnce<Known, 5> cache_;  // the configuration's directory, the configuration, service, socket, stamp
    std::vector<Pending> pending_;
    std::map<std::string, Time> stopping_;  // services that were seen to stop, and since when
};

}  // namespace genesis
