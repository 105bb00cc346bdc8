// genesisctl: the program of operators.
#include "reconciler/cli/cli.hpp"

#include <unistd.h>

#include <csignal>
#include <iostream>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_DFL);  // NOLINT(cert-err33-c): `genesisctl watch | head` ends quietly
    genesis::cli::Console console{.in = std::cin, .out = std::cout, .err = std::cerr, .terminal = ::isatty(2) == 1};
    return genesis::cli::run({argv + 1, argv + argc}, console);
}
