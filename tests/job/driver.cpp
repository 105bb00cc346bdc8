// The test kind's driver: its jobs run a program that the lab test has put there, as nobody.
#include "tests/job/driver.hpp"

#include "drivers/managed/record_line.hpp"

namespace genesis::test {

namespace {

constexpr host::Owner owner{0, 0, 0600};
constexpr host::RunAs nobody{65534, 65534};

host::Job job_of(JobRun const& run) {
    host::Job out;
    out.key = run.name.str();
    out.fingerprint = fingerprint(encode(run));
    out.description = "works for " + std::to_string(run.seconds) + " s";
    out.argv = {"/usr/local/bin/job", out.key, std::to_string(run.seconds), run.fails ? "fail" : "succeed"};
    out.as = nobody;
    out.limit = std::chrono::seconds(run.limit_seconds);
    return out;
}

}  // namespace

Observed<JobRun> JobRunDriver::observe(Of<JobRun>, Scope const& scope, Context& context) {
    Observed<JobRun> out;
    if (auto const dir = host::Dir::try_open(done_))
        for (auto const& name : scope.everything() ? dir->list() : scope.keys)
            if (auto const file = dir->read(name))
                if (auto run = managed::read_record<JobRun>(file->bytes)) out.found.push_back(std::move(*run));
    for (auto const& job : jobs_.list(scope.keys, context))
        if (job.state == host::JobStatus::running || job.state == host::JobStatus::waiting)
            out.in_progress.emplace_back(job.key, Progress{job.why.empty() ? "has printed nothing yet" : job.why,
                                                           job.percent, job.since, job.fingerprint});
    return out;
}

std::vector<Outcome> JobRunDriver::apply(std::span<Step<JobRun> const> steps, Context& context) {
    std::vector<host::Job> wanted;
    for (auto const& step : steps)
        if (step.verb != Verb::remove) wanted.push_back(job_of(step.want));
    auto const jobs = jobs_.ensure(wanted, context);
    std::vector<Outcome> out;
    auto job = jobs.begin();
    for (auto const& step : steps)
        out.push_back(step.verb == Verb::remove ? remove(step.have, context) : outcome_of(step.want, *job++, context));
    return out;
}

Outcome JobRunDriver::remove(JobRun const& run, Context& context) {
    for (auto const& [key, why] : jobs_.end({run.name.str()}, context)) return {Outcome::retry, why};
    if (auto const dir = host::Dir::try_open(done_)) dir->remove(run.name.str());
    return {};
}

// The file first: where the daemon dies between the two, the job was done and is not begun again.
Outcome JobRunDriver::outcome_of(JobRun const& run, host::JobStatus const& job, Context& context) {
    if (job.state == host::JobStatus::failed) return {Outcome::retry, job.why};
    if (job.state != host::JobStatus::succeeded) return {Outcome::in_progress, job.why};
    host::Dir::make_all(done_, {0, 0, 0700}).write(run.name.str(), managed::record_line('#', run, {}), owner);
    for (auto const& [key, why] : jobs_.end({run.name.str()}, context)) return {Outcome::retry, why};
    return {};
}

}  // namespace genesis::test
