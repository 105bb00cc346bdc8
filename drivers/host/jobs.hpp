// Long work as transient services of systemd: started, found again by their names, watched, ended; never waited for.
#pragma once
#include "drivers/context.hpp"
#include "drivers/host/exec.hpp"
#include "drivers/host/systemd.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::host {

// Work for one record. It runs outside the daemon's sandbox and control group and goes on when the daemon ends; it does
// not survive a restart of the machine, after which it is begun again.
struct Job {
    std::string key;                // of the record
    std::string fingerprint;        // of the value that it is for: for another value it is another job
    std::string description;        // "copies debian-12.qcow2"
    std::vector<std::string> argv;  // argv[0] is an absolute path; there is no shell. Every user can read it.
    std::optional<RunAs> as{};      // root where it is left out
    std::string slice = "genesis.slice";
    std::map<std::string, std::string> environment{};  // every user can read it, too
    std::string directory = "/";
    std::chrono::seconds limit{3600};  // is ended when it takes longer
};

struct JobStatus {
    enum State { waiting, running, succeeded, failed } state = waiting;
    std::string key, fingerprint;
    std::string why{};  // of a job that failed, or waits: the reason; of one that runs: the last line it wrote
    std::optional<int> percent{};  // that its last line names
    Time since{};                  // when it began; while it waits: now
    std::string unit{};            // none while it waits
};

// The jobs of one kind of record, on one thread. All members throw Fault where systemd does not answer.
//
// How far a job has come is read from what it prints: "37%" in the last line of its output (a line may end with CR).
// That works with any program, is there after a restart of the daemon, and gives the reason of a failure as well. A
// status by sd_notify(3) would have to be sent by the program, and a tenant's job could send more with it: ask for more
// time than its limit. The output is a file that only root can read, of 1 MiB at most: a job that writes more is ended.
class Jobs {
public:
    // At most `most` of them run at a time, the others wait. `outputs`: the directory for what they print; of this
    // kind, or shared by all.
    Jobs(std::string kind, std::size_t most, std::string outputs)
        : kind_(std::move(kind)), most_(most), outputs_(std::move(outputs)) {}

    // Of these records, or of all: by one listing of systemd's, and a few questions for each job that runs. Changes
    // nothing. A job that waited and may begin now is not named any more.
    std::vector<JobStatus> list(std::vector<std::string> const& keys, Context const& context);
    // Where each stands, in the same order. Those that are new begin, as far as there is room; what goes on for a
    // former value of the same record is ended first. A failure is shown once: with the next call the job begins again.
    // A success is reported until end().
    std::vector<JobStatus> ensure(std::span<Job const> wanted, Context const& context);
    // Ends those that go on, with all their processes, and forgets the results of the others. Returns what could not be
    // ended, with the reason, by key.
    std::map<std::string, std::string> end(std::vector<std::string> const& keys, Context const& context);

private:
    struct Waiting {
        std::string key, fingerprint;
    };
    std::vector<JobStatus> units(Context const& context);
    void look_into(JobStatus& job, Context const& context);
    [[nodiscard]] JobStatus waits(Waiting const& job, Context const& context) const;
    void wait(Job const& job);
    std::map<std::string, std::string> end_former(std::span<Job const> wanted, std::vector<JobStatus>& all,
                                                  Context const& context);
    std::map<std::string, std::string> end_units(std::vector<JobStatus> const& jobs, Context const& context);
    void fail(JobStatus& job, std::chrono::seconds limit, Context const& context);
    void start(std::span<Job const> wanted, std::vector<std::size_t> const& which, std::vector<JobStatus>& out,
               Context const& context);

    std::string kind_;
    std::size_t most_;
    std::string outputs_;
    Systemd systemd_;
    std::vector<Waiting>
        waiting_;          // found no room, in the order they came; the daemon's next start asks for them again
    bool listed_ = false;  // since when nobody but this starts any
    bool none_ = false;    // systemd has none: it need not be asked
};

// ---- the pure parts

// "genesis-job-<kind>-<digest of key and fingerprint>.service"
std::string job_unit(std::string_view kind, std::string_view key, std::string_view fingerprint);
TransientService job_service(std::string_view kind, Job const& job, std::string const& output);
// What a listed unit is, from its description; nothing where that is not what job_service() writes for this name.
std::optional<JobStatus> read_job(std::string_view kind, UnitStatus const& unit);

struct JobOutput {
    std::string line{};  // the last that is not blank, printable, of at most 200 bytes
    std::optional<int> percent{};
};
JobOutput read_output(std::string_view tail);
// "exit code 3: no space left", "took longer than 60 s"
std::string why_failed(ServiceResult const& result, std::string_view line, std::chrono::seconds limit);

}  // namespace genesis::host
