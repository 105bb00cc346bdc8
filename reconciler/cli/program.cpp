// The table of verbs, from which parsing, help and completion are made.
#include "reconciler/cli/output.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <ostream>

namespace genesis::cli {

std::vector<Verb> const& verbs() {
    static std::vector<Verb> const all{
        {"apply", "Store the specs in files; the server is then converged", "genesisctl apply -f acme.yaml --wait",
         files_required | output | wait_flag | timeout | take_over_flag, apply},
        {"validate", "Check files without a server", "genesisctl validate -f /etc/genesis/specs", files_required,
         validate},
        {"plan", "Show what would be done for files, an object or everything", "genesisctl plan -f acme.yaml",
         files | maybe_object | output, plan},
        {"diff", "Compare files with the stored specs, without secrets; exit 3 if they differ",
         "genesisctl diff -f acme.yaml", files_required, diff_specs},
        {"get", "List objects, or show one", "genesisctl get accounts --ready false",
         kind_or_object | output | output_spec | ready_filter, get},
        {"describe", "Show everything about one object: spec, conditions, records", "genesisctl describe account/acme",
         one_object, describe},
        {"drift", "Show where the server differs from the specs; exit 3 if it does", "genesisctl drift account/acme",
         maybe_object | output, drift},
        {"watch", "Print changes as they happen, until interrupted", "genesisctl watch accounts", maybe_kind | timeout,
         watch},
        {"wait", "Wait until objects are ready or gone; exit 3 on timeout",
         "genesisctl wait account/acme --for=ready --timeout 60s", some_objects | for_what | timeout, wait},
        {"delete", "Terminate objects: services now, data after the grace period or at once with --purge",
         "genesisctl delete account/acme --purge --wait", some_objects | purge_flag | wait_flag | timeout, remove},
        {"reconcile", "Reconcile now: observe, and repair what differs", "genesisctl reconcile account/acme --wait",
         maybe_object | all_flag | confirm_flag | wait_flag | timeout, reconcile},
        {"pause", "Pause: observe, but change nothing", "genesisctl pause account/acme", maybe_object | all_flag,
         pause},
        {"resume", "End a pause", "genesisctl resume --all", maybe_object | all_flag, resume},
        {"adopt", "Adopt unmanaged resources that have the names of an object", "genesisctl adopt account/acme",
         one_object, adopt},
        {"take-over", "Move objects from their spec files to the API", "genesisctl take-over account/acme",
         some_objects, take_over},
        {"history", "Show the steps that were done, newest first", "genesisctl history account/acme --limit 20",
         maybe_object | output | limit_option, history},
        {"credentials", "Show the generated secrets of an object, once", "genesisctl credentials account/acme",
         one_object | output, credentials},
        {"keys",
         "Keys that sign requests over HTTPS: add (its secret is shown once), list, rotate (the old secret expires "
         "after "
         "an overlap), revoke (at once)",
         "genesisctl keys add --kid billing --scopes account:write,read --cidr 192.0.2.0/24 -o json",
         key_options | output, keys},
        {"audit", "Show who changed what and from where, newest first", "genesisctl audit --limit 20",
         output | limit_option, audit},
        {"info", "Show the daemon's name, version and addresses", "genesisctl info -o json", output, info},
        {"completion", "Print the completion script of a shell",
         "genesisctl completion bash > /etc/bash_completion.d/genesisctl", shell_name, completion},
    };
    return all;
}

namespace {

constexpr std::string_view exits = "Exit codes: 0 success, 1 failure, 2 wrong usage, 3 drift or not ready.";

// "60s", "5m", "2h" or plain seconds.
std::chrono::seconds duration_of(std::string const& text) {
    std::size_t used = 0;
    long long number = -1;
    try {
        number = std::stoll(text, &used);
    } catch (std::exception const&) {
        used = 0;
    }
    auto const unit = text.substr(used);
    long long const scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
    if (used == 0 || scale == 0 || number < 0 || number > 1000000)
        throw Misuse("\"" + clean(text) + "\" is not a time such as 60s, 5m or 2h");
    return std::chrono::seconds(number * scale);
}

// Options as text, converted by finish().
struct Raw {
    std::string format = "table", timeout, overlap;
};

void add_targets(CLI::App& sub, unsigned takes, Call& call) {
    auto const* name = (takes & kind_or_object) != 0 || (takes & maybe_kind) != 0 ? "KIND[/NAME]" : "KIND/NAME";
    if ((takes & (one_object | maybe_object | some_objects | maybe_kind | kind_or_object)) == 0) return;
    auto* option = sub.add_option("target", call.targets, "Object, such as account/acme")->type_name(name);
    if ((takes & some_objects) == 0) option->expected(0, 1);
    if ((takes & (one_object | some_objects | kind_or_object)) != 0) option->required();
}

void add_files(CLI::App& sub, unsigned takes, Call& call) {
    if ((takes & (files | files_required)) == 0) return;
    auto* option =
        sub.add_option("-f,--file", call.files, "Spec file, directory of spec files, or - for standard input")
            ->type_name("FILE");
    if ((takes & files_required) != 0) option->required();
}

void add_flags(CLI::App& sub, unsigned takes, Call& call) {
    auto const flag = [&](unsigned bit, char const* name, bool& value, char const* says) {
        if ((takes & bit) != 0) sub.add_flag(name, value, says);
    };
    flag(all_flag, "--all", call.all, "Everything on the server");
    flag(purge_flag, "--purge", call.purge, "Remove data at once, without the grace period");
    flag(purge_flag, "--keep-data", call.keep_data,
         "Take back --purge: what is left of the data stays for the grace period");
    flag(wait_flag, "--wait", call.wait, "Wait until it is done");
    flag(take_over_flag, "--take-over", call.take_over, "Also change objects that a spec file manages");
    flag(confirm_flag, "--confirm-removals", call.confirm_removals, "Confirm the removals that are held back");
}

void add_key_options(CLI::App& sub, Call& call, Raw& raw) {
    sub.add_option("action", call.action, "add, list, rotate or revoke")
        ->required()
        ->check(CLI::IsMember({"add", "list", "rotate", "revoke"}))
        ->type_name("ACTION");
    sub.add_option("--kid", call.kid, "Key id: 4 to 32 lower-case letters, digits and hyphens")->type_name("KID");
    sub.add_option("--scopes", call.scopes,
                   "Scopes of the key (add): read, account:write, vps:write, admin; separated by commas")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("SCOPES");
    sub.add_option("--cidr", call.cidrs, "Network it may be used from (add); may be repeated")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("NETWORK");
    sub.add_option("--comment", call.comment, "Who has the key (add)")->type_name("TEXT");
    sub.add_option("--not-before", call.not_before,
                   "When it becomes valid (add), such as 2027-01-15 or 2027-01-15T08:00:00Z")
        ->type_name("INSTANT");
    sub.add_option("--expires", call.expires, "When it expires (add), such as 2028-01-15")->type_name("INSTANT");
    sub.add_option("--overlap", raw.overlap, "How long the old secret stays valid (rotate); default 24h")
        ->type_name("TIME");
}

void add_options(CLI::App& sub, unsigned takes, Call& call, Raw& raw) {
    if ((takes & output) != 0) {
        std::vector<std::string> formats{"table", "json", "yaml"};
        if ((takes & output_spec) != 0) formats.emplace_back("spec");
        sub.add_option("-o,--output", raw.format, "table, json or yaml; spec (with get): documents for apply -f")
            ->check(CLI::IsMember(formats))
            ->type_name("FORMAT");
    }
    if ((takes & timeout) != 0)
        sub.add_option("--timeout", raw.timeout, "Timeout, such as 60s or 5m")->type_name("TIME");
    if ((takes & for_what) != 0)
        sub.add_option("--for", call.wait_for, "ready (default) or gone")
            ->check(CLI::IsMember({"ready", "gone"}))
            ->type_name("STATE");
    if ((takes & ready_filter) != 0)
        sub.add_option("--ready", call.ready, "Only objects that are ready (true) or not (false)")
            ->check(CLI::IsMember({"true", "false"}))
            ->type_name("BOOL");
    if ((takes & limit_option) != 0)
        sub.add_option("--limit", call.limit, "Maximum number of entries")->check(CLI::Range(1, 1000))->type_name("N");
    if ((takes & key_options) != 0) add_key_options(sub, call, raw);
    if ((takes & shell_name) != 0)
        sub.add_option("shell", call.shell, "bash or zsh")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh"}))
            ->type_name("SHELL");
}

void describe_verb(CLI::App& app, Verb const& verb, Call& call, Raw& raw) {
    auto* sub = app.add_subcommand(std::string(verb.name), std::string(verb.does));
    sub->footer("Example: " + std::string(verb.example) + "\n" + std::string(exits));
    add_targets(*sub, verb.takes, call);
    add_files(*sub, verb.takes, call);
    add_flags(*sub, verb.takes, call);
    add_options(*sub, verb.takes, call, raw);
}

void finish(Call& call, Raw const& raw, Verb const& verb) {
    call.format = raw.format == "json"   ? Format::json
                  : raw.format == "yaml" ? Format::yaml
                  : raw.format == "spec" ? Format::spec
                                         : Format::table;
    if (!raw.overlap.empty()) call.overlap = duration_of(raw.overlap);
    if (!raw.timeout.empty())
        call.timeout = duration_of(raw.timeout);
    else if (verb.name == "watch")
        call.timeout = std::chrono::seconds(0);  // no limit
}

int dispatch(std::vector<std::string> args, Console& console) {
    Call call;
    Raw raw;
    CLI::App app("Keeps hosting accounts on this server as their specs say.", "genesisctl");
    app.set_version_flag("--version", std::string("genesisctl ") + GENESIS_VERSION);
    app.add_option("--socket", call.socket, "Socket of genesisd")->envname("GENESIS_SOCKET")->type_name("PATH");
    app.require_subcommand(1);
    app.fallthrough();
    app.footer("Objects are named kind/name: account/acme. `genesisctl VERB --help` has an example.\n" +
               std::string(exits));
    for (auto const& verb : verbs()) describe_verb(app, verb, call, raw);
    try {
        std::reverse(args.begin(), args.end());  // CLI11 wants the reverse order
        app.parse(std::move(args));
    } catch (CLI::ParseError const& error) {
        return app.exit(error, console.out, console.err) == 0 ? fine : usage;
    }
    for (auto const& verb : verbs())
        if (app.got_subcommand(std::string(verb.name))) {
            finish(call, raw, verb);
            return verb.run(call, console);
        }
    return usage;
}

}  // namespace

int run(std::vector<std::string> args, Console& console) {
    try {
        return dispatch(std::move(args), console);
    } catch (Misuse const& misuse) {
        console.err << "genesisctl: " << misuse.what() << '\n';
        return usage;
    } catch (Failure const& failure) {
        console.err << failure.what() << '\n';
    } catch (std::exception const& error) {
        console.err << "genesisctl: " << clean(error.what()) << '\n';
    }
    return failed;
}

}  // namespace genesis::cli
