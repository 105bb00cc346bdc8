// The parsed command line of genesisctl, its verbs and exit codes.
#pragma once
#include "resources/catalog.hpp"

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::cli {

enum Exit : int { fine = 0, failed = 1, usage = 2, differs = 3 };  // differs: drift, or not ready in time

struct Misuse : std::runtime_error {  // wrong usage: exit 2
    using std::runtime_error::runtime_error;
};
struct Failure : std::runtime_error {  // the command failed: exit 1
    using std::runtime_error::runtime_error;
};
struct NoDaemon : Failure {  // it is not there, or went away before it answered: while it restarts, for instance
    using Failure::Failure;
};

enum class Format { table, json, yaml, spec };

// The command line, parsed. A verb reads the options that its row in verbs() lists.
struct Call {
    std::string socket = "/run/genesis/genesis.sock";
    std::vector<std::string> files;    // -f
    std::vector<std::string> targets;  // KIND/NAME or KIND
    Format format = Format::table;
    std::string wait_for = "ready";
    std::string ready;  // true, false, or empty for both
    std::string shell;
    std::string action;               // of keys: add, list, rotate, revoke
    std::string kid, comment;         // a key's
    std::vector<std::string> scopes;  // a new key's
    std::vector<std::string> cidrs;
    std::string not_before, expires;             // as given: a date, or a time in UTC
    std::chrono::seconds overlap{24 * 60 * 60};  // of a rotation
    std::chrono::seconds timeout{60};
    std::int64_t limit = 50;
    bool all = false, purge = false, keep_data = false, wait = false, take_over = false, confirm_removals = false;
};

struct Console {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool terminal = false;  // err is a terminal: progress may rewrite its line
};

// Options a verb takes.
enum Takes : unsigned {
    files_required = 1,
    files = 2,
    one_object = 4,       // KIND/NAME
    maybe_object = 8,     // [KIND/NAME]
    some_objects = 16,    // KIND/NAME...
    maybe_kind = 32,      // [KIND[/NAME]]
    kind_or_object = 64,  // KIND[/NAME]
    output = 128,         // -o table|json|yaml
    output_spec = 256,    // … and spec
    all_flag = 512,
    purge_flag = 1024,
    wait_flag = 2048,
    timeout = 4096,
    for_what = 8192,
    ready_filter = 16384,
    limit_option = 32768,
    take_over_flag = 65536,
    confirm_flag = 131072,
    shell_name = 262144,
    key_options = 524288,  // ACTION, --kid and the other options of keys
};

struct Verb {
    std::string_view name, does, example;
    unsigned takes;
    Exit (*run)(Call const&, Console&);
};
std::vector<Verb> const& verbs();

// The whole program. `args` does not contain the program's name. Returns the exit code; does not throw.
int run(std::vector<std::string> args, Console& console);

// The verbs, by file.
Exit apply(Call const&, Console&);
Exit validate(Call const&, Console&);
Exit plan(Call const&, Console&);
Exit diff_specs(Call const&, Console&);
Exit get(Call const&, Console&);
Exit describe(Call const&, Console&);
Exit drift(Call const&, Console&);
Exit history(Call const&, Console&);
Exit info(Call const&, Console&);
Exit keys(Call const&, Console&);
Exit audit(Call const&, Console&);
Exit credentials(Call const&, Console&);
Exit watch(Call const&, Console&);
Exit wait(Call const&, Console&);
Exit remove(Call const&, Console&);
Exit reconcile(Call const&, Console&);
Exit pause(Call const&, Console&);
Exit resume(Call const&, Console&);
Exit adopt(Call const&, Console&);
Exit take_over(Call const&, Console&);
Exit completion(Call const&, Console&);

}  // namespace genesis::cli
