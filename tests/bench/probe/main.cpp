// Measures a genesisd on this server: N standard accounts from nothing, then what one more wish costs among them.
#include "tests/bench/probe/daemon.hpp"
#include "tests/bench/probe/http.hpp"

#include <CLI/CLI.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace genesis::bench {
namespace {

struct Options {
    std::size_t count = 0, samples = 7;
    std::string php = "8.2";
};

std::string name_of(std::size_t number) {
    auto const digits = std::to_string(number);
    return "bench" + std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}
std::string target_of(std::string const& name) { return "accounts/" + name; }

json::object account(std::string const& name, std::string const& php) {
    return {{"kind", "account"},
            {"name", name},
            {"package", "bench"},
            {"sites", json::array{json::object{{"domain", name + ".example"},
                                               {"php", {{"version", php}, {"max_children", 5}}}}}},
            {"databases",
             json::array{json::object{
                 {"name", "shop"},
                 {"users", json::array{json::object{{"name", "web"}, {"password", "password-of-" + name}}}}}}}};
}

json::object package(int tasks) {
    return {{"kind", "package"}, {"name", "bench"}, {"limits", {{"memory_mib", 1024}, {"tasks", tasks}}}};
}

void say(std::string const& what, double value) {
    std::printf("%s %.4f\n", what.c_str(), value);
    (void)std::fflush(stdout);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

// The median, the least and the most, so that a busy machine is seen.
void say_samples(std::string const& what, std::vector<double> const& values) {
    say(what + "_seconds", median(values));
    say(what + "_least", *std::min_element(values.begin(), values.end()));
    say(what + "_most", *std::max_element(values.begin(), values.end()));
}

// How often this line of Apache's error log was written.
int logged(std::string const& code) {
    std::ifstream in("/var/log/apache2/error.log");
    int out = 0;
    for (std::string line; std::getline(in, line);) out += line.find(code) == std::string::npos ? 0 : 1;
    return out;
}
constexpr char const *graceful_asked = "AH00493", *apache_resumes = "AH00489";

int run_program(std::vector<std::string> argv) {
    std::vector<char*> raw;
    for (auto& word : argv) raw.push_back(word.data());
    raw.push_back(nullptr);
    auto const child = ::fork();
    if (child == 0) {
        if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
        ::execv(raw[0], raw.data());
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

int processes(std::string const& name) {
    int out = 0;
    for (auto const& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream in(entry.path() / "comm");
        std::string comm;
        out += std::getline(in, comm) && comm.starts_with(name) ? 1 : 0;
    }
    return out;
}

class Benchmark {
public:
    explicit Benchmark(Options options) : options_(std::move(options)) {}

    void run() {
        from_nothing();
        // What no request has touched yet.
        say("idle_php_processes", processes("php-fpm"));
        auto const memory = daemon_.memory();
        say("rss_mib", memory.rss_mib);
        say("pss_mib", memory.pss_mib);
        full_passes();
        one_change("pool_setting", [](json::object& spec, int sample) {
            spec["sites"].at(0).at("php").as_object()["max_children"] = 6 + sample;
        });
        one_change("redirect", [](json::object& spec, int sample) {
            auto const to = "https://elsewhere.example/" + std::to_string(sample);
            spec["sites"].at(0).as_object()["redirects"] = json::array{json::object{{"from", "/old"}, {"to", to}}};
        });
        one_change("database_user", [](json::object& spec, int sample) {
            spec["databases"].at(0).at("users").at(0).as_object()["password"] =
                "another-password-" + std::to_string(sample);
        });
        new_accounts();
        apache_alone();
        package_change();
        say("failed_steps", daemon_.failed_steps());
    }

private:
    [[nodiscard]] bool all_ready(std::size_t count) const {
        return daemon_.metric("genesis_objects", {R"(kind="account")", R"(ready="true")"}) >=
               static_cast<double>(count);
    }
    // As an operator does it: one file, one apply.
    void from_nothing() {
        constexpr char const* file = "/root/bench.yaml";
        {
            std::ofstream out(file);
            out << json::serialize(package(tasks_)) << "\n---\n";
            for (std::size_t i = 1; i <= options_.count; ++i)
                out << json::serialize(account(name_of(i), options_.php)) << "\n---\n";
        }
        auto const reloads = logged(graceful_asked);
        auto const start = now();
        if (run_program({"/usr/bin/genesisctl", "apply", "-f", file}) != 0)
            throw std::runtime_error("genesisctl apply failed");
        say("apply_seconds", now() - start);
        until("all accounts are ready", [&] { return all_ready(options_.count); });
        say("from_nothing_seconds", now() - start);
        say("from_nothing_reloads", logged(graceful_asked) - reloads);
        say("from_nothing_failed_steps", daemon_.failed_steps());
    }
    // Each of the daemon's own measurement: from the look to the end of the plan.
    void full_passes() const {
        std::vector<double> took;
        std::vector<std::string> const full{R"(scope="full")"};
        auto const count = [&] { return daemon_.metric("genesis_pass_seconds_count", full); };
        auto const sum = [&] { return daemon_.metric("genesis_pass_seconds_sum", full); };
        for (std::size_t i = 0; i < options_.samples; ++i) {
            auto const passes = count(), seconds = sum();
            daemon_.post("reconcile");
            pause(1);  // what asks all the time takes a core from what is measured
            until("a full pass", [&] { return count() > passes; });
            took.push_back((sum() - seconds) / (count() - passes));
        }
        say_samples("full_pass", took);
    }
    static void page(std::string const& name) {
        until("the page", [&] { return ask_site(name + ".example").status == 200; });
    }
    template <class Change>
    void one_change(std::string const& what, Change change) const {
        std::vector<double> took;
        for (std::size_t i = 0; i < options_.samples; ++i) {
            auto const name = name_of(1 + i * options_.count / options_.samples);
            auto spec = account(name, options_.php);
            change(spec, static_cast<int>(i));
            page(name);  // so that its PHP runs: a setting of one at rest is a file and no more
            auto const start = now();
            auto const generation = daemon_.put(target_of(name), spec);
            until(what, [&] { return daemon_.ready(target_of(name), generation); });
            took.push_back(now() - start);
            daemon_.put(target_of(name), account(name, options_.php));
            until("as it was", [&] { return daemon_.ready(target_of(name), generation + 1); });
        }
        say_samples("change_" + what, took);
    }
    void new_accounts() const {
        std::vector<double> took;
        for (std::size_t i = 1; i <= options_.samples; ++i) {
            auto const name = "new" + name_of(i);
            auto const start = now();
            auto const generation = daemon_.put(target_of(name), account(name, options_.php));
            page(name);
            took.push_back(now() - start);
            until("ready", [&] { return daemon_.ready(target_of(name), generation); });
        }
        say_samples("new_account_page", took);
    }
    // What Apache itself takes at this size for the two things that a new site needs of it.
    void apache_alone() const {
        std::vector<double> tested, reloaded;
        for (std::size_t i = 0; i < std::min<std::size_t>(options_.samples, 3); ++i) {
            auto start = now();
            if (run_program({"/usr/sbin/apache2ctl", "-t", "-D", "DUMP_VHOSTS"}) != 0)
                throw std::runtime_error("apache2ctl -t failed");
            tested.push_back(now() - start);
            pid_t pid = 0;
            std::ifstream("/run/apache2/apache2.pid") >> pid;
            auto const before = logged(apache_resumes);
            start = now();
            if (pid <= 1 || ::kill(pid, SIGUSR1) != 0) throw std::runtime_error("Apache does not run");
            until("Apache resumes", [&] { return logged(apache_resumes) > before; });
            reloaded.push_back(now() - start);
        }
        say_samples("apache_test", tested);
        say_samples("apache_graceful", reloaded);
    }
    void package_change() {
        auto const changed = [&] {
            auto const wanted = "TasksMax=" + std::to_string(tasks_);
            for (std::size_t i = 1; i <= options_.count; ++i) {
                std::ifstream in("/etc/systemd/system/genesis-" + name_of(i) + ".slice");
                if (std::string(std::istreambuf_iterator<char>(in), {}).find(wanted) == std::string::npos) return false;
            }
            return true;
        };
        ++tasks_;
        auto const start = now();
        daemon_.put("packages/bench", package(tasks_));
        until("every slice has the package's new limit", changed);
        until("all accounts are ready", [&] { return all_ready(options_.count + options_.samples); });
        say("package_change_seconds", now() - start);
    }

    Options options_;
    Daemon daemon_;
    int tasks_ = 200;
};

int run(int argc, char** argv) {
    (void)std::signal(SIGPIPE, SIG_IGN);
    CLI::App app("Makes N standard accounts with the genesisd that runs here and measures it. For a lab server.",
                 "genesis_bench_probe");
    Options options;
    app.add_option("count", options.count)->required();
    app.add_option("--php", options.php, "The version that is installed")->capture_default_str();
    app.add_option("--samples", options.samples, "Of each single change")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    Benchmark(options).run();
    return 0;
}

}  // namespace
}  // namespace genesis::bench

int main(int argc, char** argv) {
    try {
        return genesis::bench::run(argc, argv);
    } catch (std::exception const& e) {
        (void)std::fprintf(stderr, "genesis_bench_probe: %s\n", e.what());
        return 1;
    }
}
