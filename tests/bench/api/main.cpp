// Signed, durable PUTs of account specs over HTTPS and HTTP beside etcd, in alternating rounds on one file system.
#include "tests/bench/api/child.hpp"
#include "tests/bench/api/load.hpp"
#include "tests/bench/api/requests.hpp"
#include "tests/bench/api/served.hpp"

#include <CLI/CLI.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

namespace genesis::bench {
namespace {

struct Options {
    std::string directory = "/var/tmp";
    std::size_t connections = 64, rounds = 3, accounts = 20000;
    double seconds = 5, minutes = 0;
    bool etcd = true, cache = true;
};

struct Scratch {
    explicit Scratch(std::string const& parent) : path(parent + "/genesis-bench-XXXXXX") {
        if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make a directory in " + parent);
    }
    ~Scratch() { std::filesystem::remove_all(path); }
    Scratch(Scratch const&) = delete;
    Scratch& operator=(Scratch const&) = delete;
    std::string path;
};

struct Genesis {
    Genesis(std::string const& directory, bool cache) : child(command(directory, cache), directory + "/log") {
        std::string secret;
        std::istringstream(child.read_line()) >> unix_socket.socket >> http.port >> https.port >> secret;
        https.tls = true;
        refusing = https;
        refusing.answers = '4';
        sign = signer(key_id, audience, unhex(secret));
        ask(unix_socket, put_package(unsigned_));
    }
    static std::vector<std::string> command(std::string const& directory, bool cache) {
        std::vector<std::string> out{"/proc/self/exe", "--serve", directory};
        if (!cache) out.emplace_back("--no-cache");
        return out;
    }
    Child child;
    Target unix_socket{}, http{}, https{}, refusing{};
    Sign unsigned_ = [](auto, auto, auto) { return std::string(); };
    Sign sign;
    Sign stranger = signer(key_id, audience, Secret(std::string(32, 'x')));
};

unsigned short free_port();

struct Etcd {
    explicit Etcd(std::string const& directory, unsigned short port = free_port())
        : target{"", port}, child(command(directory, port), directory + "/etcd.log") {
        Writes warm(0, 1);
        std::string request;
        put_etcd(request, warm.next());
        for (int i = 0; i < 200; ++i) try {
                ask(target, request);
                return;
            } catch (std::exception const&) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
            }
        throw std::runtime_error("etcd does not answer");
    }
    static std::vector<std::string> command(std::string const& directory, unsigned short port) {
        auto const at = "http://127.0.0.1:" + std::to_string(port);
        auto const peer = "http://127.0.0.1:" + std::to_string(free_port());
        return {"etcd",
                "--data-dir",
                directory + "/etcd",
                "--listen-client-urls",
                at,
                "--advertise-client-urls",
                at,
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                "default=" + peer,
                "--quota-backend-bytes",
                "8589934592",
                "--log-level",
                "error"};
    }
    Target target;
    Child child;
};

unsigned short free_port() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    bool const bound = ::bind(fd, raw, size) == 0 && ::getsockname(fd, raw, &size) == 0;
    ::close(fd);
    if (!bound) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

void print(std::string const& what, Figures const& f) {
    auto const each = [&](double seconds) { return 1e6 * seconds / static_cast<double>(f.microseconds.size()); };
    std::printf("%-22s %9.0f/s   p50 %6.2f ms   p99 %6.2f ms   max %7.2f ms   CPU us each: server %5.1f client %4.1f\n",
                what.c_str(), f.rate(), f.milliseconds(0.5), f.milliseconds(0.99), f.milliseconds(1),
                each(f.server_cpu), each(f.client_cpu));
    if (f.refused > 0)
        std::printf("%-22s %llu other answers, the first:\n%s\n", "", static_cast<unsigned long long>(f.refused),
                    f.first_refusal.c_str());
    (void)std::fflush(stdout);
}

Figures measure(Child const& server, Target const& target, Options const& options, Next const& next) {
    auto const cpu = server.cpu_seconds();
    auto out = run_load(target, options.connections, options.seconds, next);
    out.server_cpu = server.cpu_seconds() - cpu;
    return out;
}

int compare(Options const& options) {
    Scratch const scratch(options.directory);
    Genesis genesis(scratch.path, options.cache);
    std::optional<Etcd> etcd;
    if (options.etcd) etcd.emplace(scratch.path);
    Writes ours(0, options.accounts), theirs(0, options.accounts);
    std::map<std::string, Figures> total;
    auto const one = [&](std::string const& what, Child const& server, Target const& target, Next const& next) {
        auto const figures = measure(server, target, options, next);
        print(what, figures);
        total[what].add(figures);
    };
    auto const put = [&](std::string& out) { put_account(out, ours.next(), genesis.sign); };
    auto const get = [&](std::string& out) { get_account(out, ours.some_name(), genesis.sign); };
    for (std::size_t round = 1; round <= options.rounds; ++round) {
        std::printf("round %zu\n", round);
        one("PUT https", genesis.child, genesis.https, put);
        if (etcd) one("etcd put", etcd->child, etcd->target, [&](std::string& out) { put_etcd(out, theirs.next()); });
        one("PUT http", genesis.child, genesis.http, put);
        // What a PUT costs before anything is made of it: TLS, HTTP, the two hashes of a signature that is wrong.
        one("PUT refused https", genesis.child, genesis.refusing,
            [&](std::string& out) { put_account(out, theirs.next(), genesis.stranger); });
        one("GET https", genesis.child, genesis.https, get);
        one("GET http", genesis.child, genesis.http, get);
        one("GET socket", genesis.child, genesis.unix_socket,
            [&](std::string& out) { get_account(out, ours.some_name(), genesis.unsigned_); });
        one("GET list socket", genesis.child, genesis.unix_socket,
            [&](std::string& out) { list_accounts(out, genesis.unsigned_); });
        std::printf("%-22s %.1f MiB resident, %zu accounts\n", "", genesis.child.resident_mib(), ours.accounts());
    }
    std::printf("all rounds\n");
    for (auto const& [what, figures] : total) print(what, figures);
    for (auto const& [what, figures] : total)
        if (etcd && what.starts_with("PUT"))
            std::printf("%s: %.2f x etcd\n", what.c_str(), figures.rate() / total.at("etcd put").rate());
    return 0;
}

// Whether memory stays where it is: PUTs and GETs in turn, for so long.
int endure(Options options) {
    Scratch const scratch(options.directory);
    Genesis genesis(scratch.path, options.cache);
    Writes writes(0, options.accounts);
    options.seconds = 15;
    auto const rounds = static_cast<int>(options.minutes * 60 / (2 * options.seconds));
    for (int round = 0; round < rounds; ++round) {
        print("PUT https", measure(genesis.child, genesis.https, options,
                                   [&](std::string& out) { put_account(out, writes.next(), genesis.sign); }));
        print("GET https", measure(genesis.child, genesis.https, options,
                                   [&](std::string& out) { get_account(out, writes.some_name(), genesis.sign); }));
        std::printf("%6.1f min   %.1f MiB resident, %zu accounts\n", (round + 1) * 2 * options.seconds / 60,
                    genesis.child.resident_mib(), writes.accounts());
    }
    return 0;
}

int run(int argc, char** argv) {
    CLI::App app("Signed, durable PUTs of account specs over HTTPS and HTTP beside etcd's; and GETs");
    Options options;
    std::string served;
    bool no_etcd = false, no_cache = false;
    app.add_option("--directory", options.directory, "Both data directories are made here")->capture_default_str();
    app.add_option("--connections", options.connections)->capture_default_str();
    app.add_option("--rounds", options.rounds)->capture_default_str();
    app.add_option("--seconds", options.seconds, "Of each measurement")->capture_default_str();
    app.add_option("--accounts", options.accounts, "At most so many; then only changes")->capture_default_str();
    app.add_option("--minutes", options.minutes, "PUTs and GETs in turn, with the server's memory, without etcd");
    app.add_flag("--no-etcd", no_etcd);
    app.add_flag("--no-cache", no_cache, "Each list is made again");
    app.add_option("--serve", served, "Be the server, in this directory")->group("");
    CLI11_PARSE(app, argc, argv);
    if (!served.empty()) return serve(served, !no_cache);
    options.etcd = !no_etcd;
    options.cache = !no_cache;
    return options.minutes > 0 ? endure(options) : compare(options);
}

}  // namespace
}  // namespace genesis::bench

int main(int argc, char** argv) {
    try {
        return genesis::bench::run(argc, argv);
    } catch (std::exception const& e) {
        (void)std::fprintf(stderr, "genesis_bench_api: %s\n", e.what());
        return 1;
    }
}
