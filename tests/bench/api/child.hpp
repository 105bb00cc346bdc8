// A server in a process of its own, ended with its owner; what it has cost so far.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace genesis::bench {

class Child {
public:
    // Starts argv[0], found in PATH; what it says on standard error goes to the file. Throws std::runtime_error.
    Child(std::vector<std::string> const& argv, std::string const& log);
    ~Child();  // SIGTERM, and SIGKILL after ten seconds
    Child(Child const&) = delete;
    Child& operator=(Child const&) = delete;

    std::string read_line();  // from its standard output; throws when it has ended
    [[nodiscard]] double cpu_seconds() const;
    [[nodiscard]] double resident_mib() const;

private:
    pid_t pid_ = -1;
    int out_ = -1;
};

}  // namespace genesis::bench
