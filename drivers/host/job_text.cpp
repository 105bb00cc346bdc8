// How a job is written for systemd and read back: its name, its properties, what it printed, why it failed.
#include "drivers/host/jobs.hpp"

#include "resources/schema/digest.hpp"

#include <algorithm>
#include <cctype>

namespace genesis::host {

namespace {

constexpr std::string_view ending = ".service";
constexpr std::size_t digits = 24, longest_line = 200;
// How long a job that is ended has to end by itself; then it is killed.
constexpr std::chrono::microseconds grace = std::chrono::seconds(5);

std::string record_of(std::string_view kind, std::string_view key) { return std::string(kind).append("/").append(key); }

std::string one_line(std::string_view text) {
    std::string out(text.substr(0, longest_line));
    for (char& c : out)
        if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = '?';
    return out;
}

std::uint64_t microseconds(std::chrono::microseconds time) { return static_cast<std::uint64_t>(time.count()); }

// A job has no business with the machine itself; as a tenant it sees no process but the tenant's.
void add_limits(TransientService& service, Job const& job) {
    for (auto const* yes :
         {"NoNewPrivileges", "PrivateTmp", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
          "ProtectControlGroups", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality"})
        service.properties.emplace_back(yes, true);
    service.properties.emplace_back("ProtectSystem", std::string("full"));
    if (!job.as) return;
    service.properties.emplace_back("User", std::to_string(job.as->uid));
    service.properties.emplace_back("Group", std::to_string(job.as->gid));
    service.properties.emplace_back("CapabilityBoundingSet", std::uint64_t{0});
    service.properties.emplace_back("ProtectProc", std::string("invisible"));
}

// "37%", "37.5 %" or "(37.50/100%)": the whole part of the number before the first "%" that has one.
std::optional<int> percent_in(std::string_view line) {
    auto const is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (auto sign = line.find('%'); sign != std::string_view::npos; sign = line.find('%', sign + 1)) {
        auto number = line.substr(0, sign);
        if (number.ends_with("/100")) number.remove_suffix(4);
        while (number.ends_with(' ')) number.remove_suffix(1);
        auto const first =
            std::find_if_not(number.rbegin(), number.rend(), [&](char c) { return is_digit(c) || c == '.'; });
        number.remove_prefix(static_cast<std::size_t>(number.rend() - first));
        number = number.substr(0, number.find('.'));
        if (number.empty() || number.size() > 3) continue;
        int out = 0;
        for (char const c : number) out = 10 * out + (c - '0');
        if (out <= 100) return out;
    }
    return std::nullopt;
}

}  // namespace

std::string job_unit(std::string_view kind, std::string_view key, std::string_view fingerprint) {
    auto const digest = sha256(record_of(kind, key).append("\n").append(fingerprint));
    return "genesis-job-" + std::string(kind) + "-" + digest.substr(0, digits) + std::string(ending);
}

// Type=exec: a program that cannot be started is known at once. RemainAfterExit= keeps the result of one that ended
// well until it is read, also by the next daemon; systemd keeps that of one that failed by itself.
TransientService job_service(std::string_view kind, Job const& job, std::string const& output) {
    TransientService out{job_unit(kind, job.key, job.fingerprint), job.argv, {}};
    std::vector<std::string> environment;
    for (auto const& [name, value] : job.environment) environment.push_back(name + "=" + value);
    out.properties = {
        {"Description",
         one_line(job.description) + " [" + record_of(kind, job.key) + " " + std::string(job.fingerprint) + "]"},
        {"Type", std::string("exec")},
        {"RemainAfterExit", true},
        {"RuntimeMaxUSec", microseconds(job.limit)},
        {"TimeoutStopUSec", microseconds(grace)},
        {"Slice", job.slice},
        {"Environment", environment},
        {"WorkingDirectory", job.directory},
        {"StandardOutputFileToTruncate", output},
        {"StandardError", std::string("inherit")},
    };
    add_limits(out, job);
    return out;
}

std::optional<JobStatus> read_job(std::string_view kind, UnitStatus const& unit) {
    std::string_view const text = unit.description;
    auto const begin = "[" + std::string(kind) + "/";
    for (auto at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
        auto record = text.substr(at + begin.size());
        auto const space = record.rfind(' ');
        if (space == std::string_view::npos || !record.ends_with(']')) continue;
        JobStatus out;
        out.key = record.substr(0, space);
        out.fingerprint = record.substr(space + 1, record.size() - space - 2);
        out.unit = unit.name;
        if (job_unit(kind, out.key, out.fingerprint) != unit.name) continue;
        out.state = unit.active == "failed" ? JobStatus::failed
                    : unit.sub == "exited"  ? JobStatus::succeeded
                                            : JobStatus::running;
        return out;
    }
    return std::nullopt;
}

JobOutput read_output(std::string_view tail) {
    constexpr std::string_view blank = " \t\r\n";
    auto const last = tail.find_last_not_of(blank);
    if (last == std::string_view::npos) return {};
    auto line = tail.substr(0, last + 1);
    if (auto const before = line.find_last_of("\r\n"); before != std::string_view::npos) line.remove_prefix(before + 1);
    line.remove_prefix(line.find_first_not_of(blank));
    return {one_line(line), percent_in(line)};
}

std::string why_failed(ServiceResult const& result, std::string_view line, std::chrono::seconds limit) {
    if (result.result == "timeout") return "took longer than " + std::to_string(limit.count()) + " s";
    if (result.result == "oom-kill") return "ran out of memory";
    auto out = result.result == "exit-code" ? "exit code " + std::to_string(result.status)
               : result.result == "signal" || result.result == "core-dump"
                   ? "was ended by signal " + std::to_string(result.status)
                   : "systemd says: " + result.result;
    if (!line.empty()) out.append(": ").append(line);
    return out;
}

}  // namespace genesis::host
