// Unix accounts: users and their groups, directories, authorized keys.
#pragma once
#include "drivers/unix/kinds.hpp"

#include "drivers/driver.hpp"
#include "drivers/host/exec.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/systemd.hpp"
#include "drivers/layout.hpp"
#include "drivers/unix/accounts.hpp"
#include "drivers/unix/leftovers.hpp"
#include "drivers/unix/settings.hpp"
#include "drivers/unix/trees.hpp"

#include <memory>

namespace genesis {

class UnixDriver {
    // How long a batch waits for systemd's answers, how long it kills the processes and awaits the ends of the sessions
    // of those who go: others' steps wait with it.
    static constexpr std::chrono::milliseconds answer_longest{1500}, kill_longest{300}, stop_longest{200};

public:
    using Kinds = std::tuple<UnixUser, Directory, AuthorizedKeys>;

    explicit UnixDriver(NodeLayout layout = {}, UnixSettings const& settings = {})
        : layout_(std::move(layout)), accounts_(layout_.passwd), leftovers_(make_leftovers(layout_, settings)) {}

    Observed<UnixUser> observe(Of<UnixUser>, Scope const& scope, Context& context);
    // Looked at by key only: an empty scope finds nothing.
    Observed<Directory> observe(Of<Directory>, Scope const& scope, Context& context);
    Observed<AuthorizedKeys> observe(Of<AuthorizedKeys>, Scope const& scope, Context& context);

    // New users in one run of systemd-sysusers(8); a changed one costs one usermod(8). What the expired ones run is
    // ended with their sessions, all of a batch in one look; what Genesis itself runs as them is left to its own
    // drivers. Removals come last and fail alone; what a removed user has left about is swept away later, by no batch.
    // Until that is done nobody else, and not the same account made again, gets its number: the creation is in
    // progress.
    std::vector<Outcome> apply(std::span<Step<UnixUser> const> steps, Context& context);
    // Parents before what lies in them, whatever the order of the steps. A tree that is removed is moved away at once
    // and deleted later, by no batch.
    std::vector<Outcome> apply(std::span<Step<Directory> const> steps, Context& context);
    std::vector<Outcome> apply(std::span<Step<AuthorizedKeys> const> steps, Context& context);
    CommitResult commit(Context&) { return {}; }

private:
    void create(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context);
    void await_sweep(Scope const& scope, Observed<UnixUser>& out);
    // One of the system's own tools. They know /etc only: with any other `passwd` none is run (Fault).
    host::ExecResult run_tool(std::vector<std::string> argv, std::string input, Context& context) const;
    void run_sysusers(std::string const& input, Context& context) const;
    std::string delete_with(std::string const& tool, std::string const& name, Context& context) const;
    void modify(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context);
    void remove(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context);
    static std::optional<std::string> stands_against(UnixUser const& have, unix_accounts::Accounts const& all);
    Outcome delete_entry(std::string const& tool, UnixUser const& have, Context& context) const;
    void remove_groups(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context);
    void suspend(std::span<Step<UnixUser> const> steps, std::vector<Outcome>& outcomes, Context& context);
    static void note_processes(Observed<UnixUser>& seen);
    std::map<uid_t, std::string> end_users(std::map<uid_t, std::string>& users, Context const& context);
    std::map<uid_t, std::string> end_suspended(std::map<uid_t, std::string>& users, Context const& context);
    std::map<uid_t, std::string> end_what_runs(std::map<uid_t, std::string>& users, std::string_view spared,
                                               Context const& context);
    std::map<uid_t, std::string> stop_sessions(std::map<uid_t, std::string>& users, Context const& context);
    static std::unique_ptr<Leftovers> make_leftovers(NodeLayout const& layout, UnixSettings const& settings);
    void end_tenants(std::span<Step<Directory> const> steps, Context const& context);
    void keep(Directory const& want, Trees& trees);
    Outcome drop(Directory const& have, Trees& trees, Context& context);
    [[nodiscard]] std::string root_of(std::string_view path) const;

    // Only beneath its homes, logs and run is a tree ever removed; one beneath the homes must also belong to a tenant.
    NodeLayout layout_;
    unix_accounts::AccountFiles accounts_;
    host::Systemd systemd_;
    std::unique_ptr<Leftovers> leftovers_;
    std::map<std::string, std::pair<uid_t, Time>> waiting_;  // users whose number is still swept for, since when
};
static_assert(Driver<UnixDriver>);

}  // namespace genesis
