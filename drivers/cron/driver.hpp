// Crontabs of tenants: a block of lines in crontab(5)'s files, which Debian's cron reads again when they change.
#pragma once
#include "drivers/cron/kinds.hpp"

#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/managed/read_once.hpp"

namespace genesis {

// Tenants cannot make, link or rename anything in the spool directory (root:crontab 1730); they change their own file
// through crontab(1) only. Links are not followed all the same.
class CronDriver {
public:
    using Kinds = std::tuple<Crontab>;

    explicit CronDriver(std::string spool = "/var/spool/cron/crontabs") : spool_(std::move(spool)) {}

    // One look at the directory; a file is read when it changed. One that cannot be read this time is unseen.
    Observed<Crontab> observe(Of<Crontab>, Scope const& scope, Context& context);
    // What stands outside of the block is kept. A file with nothing else goes with its block.
    std::vector<Outcome> apply(std::span<Step<Crontab> const> steps, Context& context);
    CommitResult commit(Context& context);

private:
    struct Known {
        std::optional<Crontab> ours;       // the file has a block
        std::optional<std::string> fault;  // it is none that can be read
    };
    [[nodiscard]] static Known read_file(host::Dir const& dir, std::string const& name, host::FileStat const& seen);

    std::string spool_;
    managed::ReadOnce<Known, 1> cache_;            // by name
    std::optional<std::int64_t> modified_before_;  // the directory, in seconds, before what is not settled yet
};
static_assert(Driver<CronDriver>);

}  // namespace genesis
