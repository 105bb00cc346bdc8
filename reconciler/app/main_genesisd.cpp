// genesisd: reads its configuration and runs, or says what it would.
#include "drivers/context.hpp"
#include "reconciler/app/daemon.hpp"

#include <CLI/CLI.hpp>

#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char** argv) try {
    CLI::App app{
        "Keeps this server's hosting accounts as their specs say. Normally started by systemd (genesisd.service)."};
    std::string path = "/etc/genesis/genesis.yaml";
    bool print = false, check = false;
    app.add_option("--config", path, "Configuration file")->capture_default_str();
    app.add_flag("--print-config", print, "Print every key with its default and meaning, and end");
    app.add_flag("--check", check, "Say whether the configuration can be read, and end: 0 it can, 1 it cannot");
    app.set_version_flag("--version", std::string(GENESIS_VERSION));
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (print) {
        std::cout << genesis::print_config();
        return 0;
    }
    std::ifstream file(path);
    if (!file) {
        std::cerr << "genesisd: cannot read " << path << "\n";
        return 1;
    }
    auto const config = genesis::read_config(std::string((std::istreambuf_iterator<char>(file)), {}));
    if (!config) {
        for (auto const& p : config.error().problems) std::cerr << genesis::sentence(path, "", p) << "\n";
        return 1;
    }
    if (check) {
        std::cout << path << " is fine\n";
        return 0;
    }
    return genesis::run_daemon(*config);
} catch (std::exception const& error) {
    std::cerr << "genesisd: " << error.what() << "\n";
    return 1;
}
