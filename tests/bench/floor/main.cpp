// The bare work of N standard accounts, with nothing that observes, plans, remembers or checks: what Genesis is held
// to.
//
// At once, as Genesis's drivers do it: the databases; the certificates and then the slices; the users, then their
// directories, then PHP. Apache comes when all but the databases is there. It ends when all of it has. Files are made
// durable as Genesis does it, by one syncfs a batch: an fsync of each is several times as slow on a real disk.
#include "tests/bench/floor/database.hpp"
#include "tests/bench/floor/services.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <future>

namespace genesis::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
double since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Lines of "name seconds"; of one thread each, so whole lines are printed.
void timed(char const* what, std::function<void()> const& work) {
    auto const start = SteadyClock::now();
    work();
    std::printf("floor_%s_seconds %.3f\n", what, since(start));
}

void make_all(std::vector<Account> const& accounts, Files const& files) {
    auto const later = [](auto work) { return std::async(std::launch::async, work); };
    auto databases = later([&] { timed("databases", [&] { make_databases(accounts); }); });
    auto certificates = later([&] {
        auto own = files;
        timed("certificates", [&] { make_certificates(accounts, own); });
        timed("slices", [&] { write_slices(accounts, own); });
    });
    auto own = files;
    timed("users", [&] { make_users(accounts); });
    timed("directories", [&] { make_directories(accounts, own); });
    timed("php_files", [&] { write_php(accounts, own); });
    timed("sockets", [&] { start_sockets(accounts, own.php()); });
    certificates.get();
    std::string const generation = "floor" + std::to_string(accounts.size());
    timed("sites", [&] { write_sites(accounts, own, generation_host(generation)); });
    timed("apache_test", [] { test_apache(); });
    timed("apache_reload", [&] { reload_apache(generation); });
    databases.get();
}

int run(int argc, char** argv) {
    CLI::App app("Makes N standard accounts on this server with nothing but system calls. For a lab server.",
                 "genesis_bench_floor");
    std::size_t count = 0;
    std::string templates, php = "8.2";
    bool each = false;
    app.add_option("count", count)->required();
    app.add_option("--templates", templates, "The folder with site.conf, php.service and the others")->required();
    app.add_option("--php", php, "The version that is installed")->capture_default_str();
    app.add_flag("--sync-each", each, "An fsync of each file in place of one syncfs at the end of a batch");
    CLI11_PARSE(app, argc, argv);
    auto const accounts = standard_accounts(count);
    timed("all", [&] { make_all(accounts, {templates, php, each ? Sync::each : Sync::batch}); });
    return 0;
}

}  // namespace
}  // namespace genesis::bench

int main(int argc, char** argv) {
    try {
        return genesis::bench::run(argc, argv);
    } catch (std::exception const& e) {
        (void)std::fprintf(stderr, "genesis_bench_floor: %s\n", e.what());
        return 1;
    }
}
