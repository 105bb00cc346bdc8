// What tests on a lab server ask the API with, from outside: signed requests in numbers, good ones and bad ones.
#include "tests/clients/load/hostile.hpp"
#include "tests/clients/load/puts.hpp"
#include "tests/clients/load/steady.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>

namespace genesis::load {
namespace {

struct Options {
    Caller::Who who;
    std::vector<std::string> objects;
    std::string record, plan_has, planned = "accounts";
    Puts puts;
    Steady steady;
    Hostile hostile;
};

void add_objects(CLI::App& app, Options& options) {
    app.add_option("--objects", options.objects,
                   "KIND:PREFIX:COUNT:FILE, as in accounts:acct:300:FILE; in the file's spec NAME and CHANGE are "
                   "replaced")
        ->required();
}

void add_record(CLI::App& app, Options& options) {
    add_objects(app, options);
    app.add_option("--record", options.record, "What was told of each object")->required();
}

void describe(CLI::App& app, Options& options) {
    app.require_subcommand(1);
    app.add_option("--address", options.who.address.host)->required();
    app.add_option("--port", options.who.address.port)->capture_default_str();
    app.add_option("--audience", options.who.audience)->required();
    app.add_option("--kid", options.who.kid)->required();
    app.add_option("--key", options.who.key_file, "The file with its 64 digits")->required();

    auto* puts = app.add_subcommand("puts", "Change after change of many objects, across the server's deaths");
    add_record(*puts, options);
    puts->add_option("--connections", options.puts.connections)->capture_default_str();
    puts->add_option("--at-least", options.puts.at_least, "So many are acknowledged")->capture_default_str();
    puts->add_option("--while", options.puts.while_there, "And as long as there is this file");

    auto* verify = app.add_subcommand("verify", "Is every object as the record tells?");
    add_record(*verify, options);
    verify->add_option("--plan-has", options.plan_has, "Text that each plan holds, with NAME and CHANGE");
    verify->add_option("--planned", options.planned, "Of which kind")->capture_default_str();

    auto* steady = app.add_subcommand("steady", "GET and PUT of the first object, at a steady rate");
    add_objects(*steady, options);
    steady->add_option("--rate", options.steady.rate, "Each second")->capture_default_str();
    steady->add_option("--seconds", options.steady.seconds)->capture_default_str();
    steady->add_option("--while", options.steady.while_there, "As long as there is this file");
    steady->add_option("--connections", options.steady.connections)->capture_default_str();
    steady->add_option("--fresh", options.steady.fresh, "So many connect for each request")->capture_default_str();
    steady->add_flag("--until-refused", options.steady.until_refused, "Ends a second after the first 401");

    auto* attack = app.add_subcommand("attack", "Slow, long, deep and doubled");
    attack->add_option("--slow", options.hostile.slow)->capture_default_str();
    attack->add_option("--seconds", options.hostile.seconds)->capture_default_str();
    attack->add_option("--from", options.hostile.from, "Addresses of this machine that the slow ones ask from")
        ->delimiter(',');
}

int run_on_objects(std::string const& what, Options const& options) {
    std::vector<Template> templates;
    for (auto const& option : options.objects) templates.push_back(read_template(option));
    auto objects = all_objects(templates);
    if (what == "steady") {
        ask_steadily(options.who, options.steady, objects.at(0));
        return 0;
    }
    read_record(options.record, objects);
    Notes notes;
    if (what == "puts") {
        put_all(options.who, options.puts, objects, notes);
        write_record(options.record, objects);
    } else {
        verify_all(options.who, objects, options.planned, options.plan_has, notes);
    }
    return notes.print() ? 0 : 1;
}

int run(int argc, char** argv) {
    (void)std::signal(SIGPIPE, SIG_IGN);
    CLI::App app("Asks the API of Genesis with signed requests over HTTPS, for tests", "genesis_load");
    Options options;
    describe(app, options);
    CLI11_PARSE(app, argc, argv);
    auto const what = app.get_subcommands().front()->get_name();
    if (what != "attack") return run_on_objects(what, options);
    attack(options.who, options.hostile);
    return 0;
}

}  // namespace
}  // namespace genesis::load

int main(int argc, char** argv) {
    try {
        return genesis::load::run(argc, argv);
    } catch (std::exception const& e) {
        (void)std::fprintf(stderr, "genesis_load: %s\n", e.what());
        return 1;
    }
}
