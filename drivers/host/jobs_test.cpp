// What can be said of jobs without systemd: names, properties, what is read back. Jobs themselves run in the lab.
#include "drivers/host/jobs.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace genesis;
using namespace genesis::host;

namespace {

Job install() {
    Job job;
    job.key = "acme.example";
    job.fingerprint = "0123456789abcdef";
    job.description = "installs WordPress";
    job.argv = {"/usr/bin/wp", "core", "install", "--title=$HOME %n"};
    return job;
}

UnitStatus listed(Job const& job, std::string active = "active", std::string sub = "running") {
    auto const service = job_service("wordpress", job, "/out");
    return {service.unit, std::get<std::string>(service.properties.at(0).second), std::move(active), std::move(sub)};
}

TransientService::Value const* property(TransientService const& service, std::string_view name) {
    for (auto const& [known, value] : service.properties)
        if (known == name) return &value;
    return nullptr;
}

template <class T>
bool has(TransientService const& service, std::string_view name, T const& wanted) {
    auto const* value = property(service, name);
    return value != nullptr && std::holds_alternative<T>(*value) && std::get<T>(*value) == wanted;
}

}  // namespace

TEST_CASE("a job's unit is named for its kind, record and value, and always the same") {
    auto const name = job_unit("wordpress", "acme.example", "0123456789abcdef");
    CHECK(name == job_unit("wordpress", "acme.example", "0123456789abcdef"));
    CHECK(name.starts_with("genesis-job-wordpress-"));
    CHECK(name.ends_with(".service"));
    std::set<std::string> const all{name, job_unit("wordpress", "acme.example", "0123456789abcdee"),
                                    job_unit("wordpress", "acne.example", "0123456789abcdef"),
                                    job_unit("image", "acme.example", "0123456789abcdef")};
    CHECK(all.size() == 4);
    CHECK(job_unit("image", std::string(4000, '/'), "x").size() < 256);
}

TEST_CASE("a job is found again by what systemd says of its unit") {
    auto const job = install();
    auto const found = read_job("wordpress", listed(job));
    REQUIRE(found);
    CHECK(found->key == "acme.example");
    CHECK(found->fingerprint == "0123456789abcdef");
    CHECK(found->state == JobStatus::running);
    CHECK(read_job("wordpress", listed(job, "activating", "start"))->state == JobStatus::running);
    CHECK(read_job("wordpress", listed(job, "deactivating", "stop-sigterm"))->state == JobStatus::running);
    CHECK(read_job("wordpress", listed(job, "active", "exited"))->state == JobStatus::succeeded);
    CHECK(read_job("wordpress", listed(job, "failed", "failed"))->state == JobStatus::failed);
    SECTION("whatever its key and its description are") {
        auto odd = job;
        odd.key = "a b] [wordpress/x 0123456789abcdef";
        odd.description = "copies [wordpress/acme.example 0123456789abcdef]\nx";
        CHECK(read_job("wordpress", listed(odd))->key == odd.key);
    }
    SECTION("another's unit is not one") {
        auto other = listed(job);
        other.name = job_unit("wordpress", "else.example", "0123456789abcdef");
        CHECK_FALSE(read_job("wordpress", other));
        CHECK_FALSE(read_job("wordpress", {"genesis-job-wordpress-x.service", "[wordpress/", "active", "running"}));
        CHECK_FALSE(read_job("image", listed(job)));
    }
}

TEST_CASE("a job is bounded in time and keeps its result; a tenant's runs as the tenant and can become nobody else") {
    auto job = install();
    job.limit = std::chrono::seconds(90);
    auto service = job_service("wordpress", job, "/var/lib/genesis/jobs/x.out");
    CHECK(service.argv == job.argv);
    CHECK(has(service, "RuntimeMaxUSec", std::uint64_t{90'000'000}));
    CHECK(has(service, "RemainAfterExit", true));
    CHECK(has(service, "NoNewPrivileges", true));
    CHECK(has(service, "Slice", std::string("genesis.slice")));
    CHECK(has(service, "StandardOutputFileToTruncate", std::string("/var/lib/genesis/jobs/x.out")));
    CHECK(property(service, "User") == nullptr);
    job.as = RunAs{10001, 10002};
    job.slice = "genesis-acme.slice";
    job.environment = {{"HOME", "/home/acme"}};
    service = job_service("wordpress", job, "/out");
    CHECK(has(service, "User", std::string("10001")));
    CHECK(has(service, "Group", std::string("10002")));
    CHECK(has(service, "CapabilityBoundingSet", std::uint64_t{0}));
    CHECK(has(service, "Slice", std::string("genesis-acme.slice")));
    CHECK(has(service, "Environment", std::vector<std::string>{"HOME=/home/acme"}));
}

TEST_CASE("how far a job has come is read from the last line that it printed") {
    auto const percent = [](std::string_view text) { return read_output(text).percent; };
    CHECK(percent("    (12.34/100%)\r    (56.78/100%)\r") == 56);
    CHECK(percent("10%\n37%\n") == 37);
    CHECK(percent("100 % done") == 100);
    CHECK(percent("loss% is 5%") == 5);
    CHECK_FALSE(percent("40%\nchecking"));
    CHECK_FALSE(percent("140%"));
    CHECK_FALSE(percent("1234567890%"));
    CHECK_FALSE(percent("%"));
    CHECK_FALSE(percent(""));
    CHECK(read_output("one\n two\x1b[2J three \n\n").line == "two?[2J three");
    CHECK(read_output("\n \n").line.empty());
    CHECK(read_output(std::string(5000, 'x')).line.size() == 200);
}

TEST_CASE("why a job failed is said in one line") {
    std::chrono::seconds const limit(60);
    CHECK(why_failed({"exit-code", 3, {}}, "no space left", limit) == "exit code 3: no space left");
    CHECK(why_failed({"exit-code", 3, {}}, "", limit) == "exit code 3");
    CHECK(why_failed({"timeout", 15, {}}, "40%", limit) == "took longer than 60 s");
    CHECK(why_failed({"signal", 9, {}}, "", limit) == "was ended by signal 9");
    CHECK(why_failed({"oom-kill", 9, {}}, "", limit) == "ran out of memory");
}
