// Keeps PHP-FPM: a configuration, a service unit and a socket unit for each account and version.
#pragma once
#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/systemd.hpp"
#include "drivers/php_fpm/render.hpp"

#include <unordered_map>

namespace genesis {

// The versions whose FPM program is in the directory, oldest first.
std::vector<std::string> installed_php(std::string const& program_dir);

// Files are ours when any of them begins with our header, or when we keep a stamp of that name: the digest of the
// files that systemd and the service were last given. A stamp is taken away before files change and put back once
// settle() has succeeded, so a crash anywhere between shows as `listening: false`.
class PhpFpmDriver {
public:
    using Kinds = std::tuple<PhpService>;

    explicit PhpFpmDriver(PhpSettings settings = {}) : settings_(std::move(settings)) {}

    Observed<PhpService> observe(Of<PhpService>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<PhpService> const> steps, Context& context);
    Settled settle(Context& context);

private:
    struct Dirs {
        host::Dir config, units, stamps;
    };
    // What the files of a service said, kept until one of them changes.
    struct Known {
        std::array<std::optional<host::Seen>, 3> seen;  // config, service, socket
        std::optional<PhpService> record;               // with its file fields filled; nothing: no header
        std::string digest;
        bool exists = false;
    };
    struct Pending {
        PhpService record;
        Verb verb{};
        bool units_changed = false, socket_changed = false, files_changed = false;
    };
    using Failures = std::map<std::string, std::string>;  // unit → why

    [[nodiscard]] std::optional<Dirs> try_dirs() const;
    [[nodiscard]] Dirs make_dirs() const;
    [[nodiscard]] std::set<std::string> names(Dirs const& dirs) const;
    Known const& known(Dirs const& dirs, std::string const& name);
    void look_at(Dirs const& dirs, std::string const& name, std::map<std::string, host::UnitState> const& units,
                 Observed<PhpService>& out);
    [[nodiscard]] bool stamped(Dirs const& dirs, std::string const& name, std::string const& digest) const;
    [[nodiscard]] bool sockets_stand(PhpService const& record) const;
    Outcome realise(Dirs const& dirs, Step<PhpService> const& step);
    [[nodiscard]] std::string missing_version(PhpVersion const& version) const;
    bool outdated(Pending const& p, std::map<std::string, host::UnitState> const& loaded, Context& context);
    void give(Dirs const& dirs, std::vector<Pending> const& batch, Failures& failures, Context& context);
    void take_away(Dirs const& dirs, std::vector<Pending> const& batch, Failures& failures, Context& context);
    void forget(Dirs const& dirs, std::string const& name);
    void sweep(Dirs const& dirs, std::set<std::string> const& owners, Context& context);

    PhpSettings settings_;
    host::Systemd systemd_;
    std::unordered_map<std::string, Known> cache_;
    std::vector<Pending> pending_;
};

}  // namespace genesis
