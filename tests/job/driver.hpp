// The driver of the test kind: a job does the work, a file says that it was done.
#pragma once
#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/jobs.hpp"
#include "tests/job/kinds.hpp"

namespace genesis::test {

class JobRunDriver {
public:
    using Kinds = std::tuple<JobRun>;
    explicit JobRunDriver(std::string const& state)
        : done_(state + "/job_runs"), jobs_("job_run", 2, state + "/jobs") {}

    Observed<JobRun> observe(Of<JobRun>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<JobRun> const> steps, Context& context);
    CommitResult commit(Context&) { return {}; }

private:
    Outcome remove(JobRun const& run, Context& context);
    Outcome outcome_of(JobRun const& run, host::JobStatus const& job, Context& context);

    std::string done_;  // a directory; the file of a record's name has the record
    host::Jobs jobs_;
};
static_assert(Driver<JobRunDriver>);

}  // namespace genesis::test
