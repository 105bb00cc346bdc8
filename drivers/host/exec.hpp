// Runs another program: an argument vector, an absolute path, a clean environment, a deadline; never a shell.
#pragma once
#include "drivers/context.hpp"

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace genesis::host {

struct RunAs {  // run as this user, without capabilities or supplementary groups
    uid_t uid;
    gid_t gid;
};

struct Command {
    std::vector<std::string> argv;  // argv[0] is an absolute path
    std::string input{};            // given on standard input, which is then closed
    std::map<std::string, std::string>
        environment{};  // all of it; PATH, LC_ALL=C, HOME=/nonexistent are set when absent
    std::string directory = "/";
    std::optional<RunAs> as{};
    std::size_t most = 4 << 20;  // bytes of output kept of each stream; the rest is read and dropped
};

struct ExecResult {
    int code = -1;  // exit code, or 128 + signal
    std::string out, err;
    [[nodiscard]] bool ok() const { return code == 0; }
    // The last lines of err (or out) as one printable line of at most 300 bytes.
    [[nodiscard]] std::string why() const;
};

// Throws Fault when it cannot start, Expired after having killed the child's process group at the context's deadline.
// Only descriptors 0, 1 and 2 reach the child.
ExecResult run(Command const& command, Context const& context);

}  // namespace genesis::host
