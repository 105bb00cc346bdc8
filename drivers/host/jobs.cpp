// Jobs on systemd: what it knows of them is the truth, so nothing is lost with the daemon.
#include "drivers/host/jobs.hpp"

#include "drivers/host/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace genesis::host {

namespace {

constexpr off_t output_most = 1 << 20, tail_most = 4096;
constexpr std::string_view output_suffix = ".out";

std::string output_name(std::string const& unit) { return unit + std::string(output_suffix); }

struct Tail {
    std::string bytes;
    bool too_long = false;
};

Tail read_tail(std::string const& directory, std::string const& name) {
    auto const dir = Dir::try_open(directory);
    if (!dir) return {};
    int error = 0;
    Fd const file = open_beneath(dir->fd(), name, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, error);
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return {};
    Tail out;
    out.bytes.resize(tail_most);
    auto const from = std::max<off_t>(0, status.st_size - tail_most);
    auto const n = ::pread(file.get(), out.bytes.data(), out.bytes.size(), from);
    out.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    out.too_long = status.st_size > output_most;
    return out;
}

bool contains(std::vector<std::string> const& keys, std::string const& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::size_t count_running(std::vector<JobStatus> const& all) {
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](auto const& job) { return job.state == JobStatus::running; }));
}

}  // namespace

// All that systemd has. The first listing also removes what jobs have printed that are no more.
std::vector<JobStatus> Jobs::units(Context const& context) {
    if (none_) return {};
    auto const prefix = "genesis-job-" + kind_ + "-";
    std::vector<JobStatus> out;
    for (auto const& unit : systemd_.list({prefix + "*"}, context))
        if (auto job = read_job(kind_, unit); job && unit.active != "inactive") out.push_back(std::move(*job));
    none_ = out.empty();
    if (listed_) return out;
    listed_ = true;
    std::vector<std::string> known;
    for (auto const& job : out) known.push_back(output_name(job.unit));
    if (auto const dir = Dir::try_open(outputs_))
        for (auto const& name : dir->list())
            if (name.starts_with(prefix) && !contains(known, name)) dir->remove(name);
    return out;
}

void Jobs::look_into(JobStatus& job, Context const& context) {
    if (job.state == JobStatus::running) job.since = systemd_.result_of(job.unit, context).started;
    if (job.since == Time{}) job.since = context.clock.now();
    auto const tail = read_tail(outputs_, output_name(job.unit));
    auto const said = read_output(tail.bytes);
    job.why = said.line;
    job.percent = said.percent;
    if (!tail.too_long) return;
    job.state = JobStatus::failed;
    job.why = "printed more than " + std::to_string(output_most) + " bytes";
}

JobStatus Jobs::waits(Waiting const& job, Context const& context) const {
    JobStatus out;
    out.key = job.key;
    out.fingerprint = job.fingerprint;
    out.why =
        most_ == 1 ? "waits for another job to end" : "waits for one of " + std::to_string(most_) + " jobs to end";
    out.since = context.clock.now();
    return out;
}

std::vector<JobStatus> Jobs::list(std::vector<std::string> const& keys, Context const& context) {
    auto const is_asked = [&](std::string const& key) { return keys.empty() || contains(keys, key); };
    auto const all = units(context);
    auto const running = count_running(all);
    std::vector<JobStatus> out;
    for (auto const& job : all)
        if (is_asked(job.key)) look_into(out.emplace_back(job), context);
    auto room = most_ - std::min(most_, running);
    std::erase_if(waiting_, [&](Waiting const& job) {
        bool const fits = room > 0;
        room -= fits ? 1 : 0;
        if (is_asked(job.key) && !fits) out.push_back(waits(job, context));
        return is_asked(job.key) && fits;
    });
    return out;
}

// Keeps its place where it waits already.
void Jobs::wait(Job const& job) {
    auto const is_it = [&](Waiting const& one) { return one.key == job.key; };
    auto const known = std::find_if(waiting_.begin(), waiting_.end(), is_it);
    if (known == waiting_.end())
        waiting_.push_back({job.key, job.fingerprint});
    else
        known->fingerprint = job.fingerprint;
}

std::vector<JobStatus> Jobs::ensure(std::span<Job const> wanted, Context const& context) {
    auto all = units(context);
    auto const not_ended = end_former(wanted, all, context);
    auto room = most_ - std::min(most_, count_running(all));
    std::vector<JobStatus> out;
    std::vector<std::size_t> to_start;
    for (auto const& job : wanted) {
        auto const known = std::find_if(all.begin(), all.end(), [&](auto const& one) { return one.key == job.key; });
        if (auto const why = not_ended.find(job.key); why != not_ended.end()) {
            out.push_back({JobStatus::failed, job.key, job.fingerprint, "what went on before: " + why->second});
        } else if (known != all.end()) {
            look_into(out.emplace_back(*known), context);
            if (out.back().state == JobStatus::failed) fail(out.back(), job.limit, context);
        } else if (room == 0) {
            wait(job);
            out.push_back(waits({job.key, job.fingerprint}, context));
        } else {
            --room;
            to_start.push_back(out.size());
            out.push_back({JobStatus::running,
                           job.key,
                           job.fingerprint,
                           job.description,
                           {},
                           context.clock.now(),
                           job_unit(kind_, job.key, job.fingerprint)});
        }
    }
    start(wanted, to_start, out, context);
    return out;
}

// Takes out of `all` what is ended; why for the keys whose former job goes on.
std::map<std::string, std::string> Jobs::end_former(std::span<Job const> wanted, std::vector<JobStatus>& all,
                                                    Context const& context) {
    auto const is_former = [&](JobStatus const& one) {
        return std::any_of(wanted.begin(), wanted.end(),
                           [&](Job const& w) { return w.key == one.key && w.fingerprint != one.fingerprint; });
    };
    std::vector<JobStatus> former;
    std::copy_if(all.begin(), all.end(), std::back_inserter(former), is_former);
    auto const failed = end_units(former, context);
    std::erase_if(all, [&](JobStatus const& one) { return is_former(one) && !failed.contains(one.key); });
    return failed;
}

std::map<std::string, std::string> Jobs::end_units(std::vector<JobStatus> const& jobs, Context const& context) {
    if (jobs.empty()) return {};
    std::vector<std::string> names;
    for (auto const& job : jobs) names.push_back(job.unit);
    auto const failed = systemd_.stop(names, context);
    systemd_.reset_failed(names, context);
    auto const dir = Dir::try_open(outputs_);
    std::map<std::string, std::string> out;
    for (auto const& job : jobs)
        if (auto const why = failed.find(job.unit); why != failed.end())
            out[job.key] = why->second;
        else if (dir)
            dir->remove(output_name(job.unit));
    return out;
}

// Its reason is kept in `job`; systemd forgets it.
void Jobs::fail(JobStatus& job, std::chrono::seconds limit, Context const& context) {
    auto const result = systemd_.result_of(job.unit, context);
    if (result.result != "success") job.why = why_failed(result, job.why, limit);  // else it is what look_into() says
    if (auto const why = end_units({job}, context); !why.empty())
        job.why += "; cannot be ended: " + why.begin()->second;
}

void Jobs::start(std::span<Job const> wanted, std::vector<std::size_t> const& which, std::vector<JobStatus>& out,
                 Context const& context) {
    if (which.empty()) return;
    auto const dir = Dir::make_all(outputs_, {0, 0, 0700});
    std::vector<TransientService> services;
    for (auto const i : which) {
        auto const name = output_name(out[i].unit);
        dir.write(name, "", {0, 0, 0600}, false);
        services.push_back(job_service(kind_, wanted[i], outputs_ + "/" + name));
        std::erase_if(waiting_, [&](Waiting const& one) { return one.key == wanted[i].key; });
    }
    none_ = false;
    auto const failed = systemd_.start(services, context);
    for (auto const i : which) {
        auto const why = failed.find(out[i].unit);
        if (why == failed.end()) continue;
        out[i].state = JobStatus::failed;
        auto const result = systemd_.result_of(out[i].unit, context);
        bool const ran = result.result != "success" && !result.result.empty();
        out[i].why = "could not be started: " + (ran ? why_failed(result, "", wanted[i].limit) : why->second);
        end_units({out[i]}, context);
    }
}

std::map<std::string, std::string> Jobs::end(std::vector<std::string> const& keys, Context const& context) {
    std::erase_if(waiting_, [&](Waiting const& job) { return contains(keys, job.key); });
    std::vector<JobStatus> ending;
    for (auto& job : units(context))
        if (contains(keys, job.key)) ending.push_back(std::move(job));
    return end_units(ending, context);
}

}  // namespace genesis::host
