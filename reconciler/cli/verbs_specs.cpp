// The verbs that take spec files: apply, validate, plan, diff.
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/documents.hpp"
#include "reconciler/cli/output.hpp"
#include "reconciler/cli/waiting.hpp"

#include <map>
#include <ostream>

namespace genesis::cli {
namespace {

Target target_of(SpecDocument const& document) { return {.kind = document.spec.kind, .name = document.spec.name}; }

void print_list(std::ostream& out, Format format, json::array const& items) {
    if (format != Format::table) print(out, format, items);
}

// ---- plans

std::string symbol(std::string_view verb) {
    static std::map<std::string_view, std::string> const symbols{
        {"create", "+"}, {"update", "~"}, {"replace", "!"}, {"remove", "-"}};
    auto const at = symbols.find(verb);
    return at == symbols.end() ? "?" : at->second;
}

struct Counts {
    std::map<std::string, int> verbs;
    int held = 0;
};

// "unix_user/acme", and its object in a plan of everything.
std::string subject_of(json::value const& item, bool whose) {
    auto const object = whose ? text_at(item, "object") : "";
    return clean(text_at(item, "kind") + "/" + text_at(item, "key") + (object.empty() ? "" : " of " + object));
}

// `of`: the object of the plan; empty: everything.
void print_plan(std::ostream& out, std::string const& of, json::value const& plan, Counts& counts) {
    auto const &steps = list_at(plan, "steps"), &holds = list_at(plan, "holds");
    out << (of.empty() ? "everything" : of) << (steps.empty() && holds.empty() ? ": nothing to do\n" : "\n");
    for (auto const& step : steps) {
        auto const verb = text_at(step, "verb"), cause = text_at(step, "cause");
        ++counts.verbs[verb];
        out << "  " << symbol(verb) << ' ' << clean(verb) << ' ' << subject_of(step, of.empty())
            << (cause.empty() ? "" : "  (" + clean(cause) + ")") << '\n';
        if (verb != "create") print_changes(out, list_at(step, "changes"), "from", "to");
    }
    for (auto const& hold : holds) {
        ++counts.held;
        out << "  = held " << subject_of(hold, of.empty()) << "  " << clean(text_at(hold, "reason")) << ": "
            << clean(text_at(hold, "message")) << '\n';
        print_changes(out, list_at(hold, "changes"), "from", "to");
    }
    for (auto const& commit : list_at(plan, "commits"))
        out << "  > " << (commit.is_string() ? clean(commit.get_string()) : short_json(commit)) << '\n';
}

void print_counts(std::ostream& out, Counts const& counts) {
    auto const of = [&](std::string const& verb) {
        auto const at = counts.verbs.find(verb);
        return at == counts.verbs.end() ? 0 : at->second;
    };
    out << of("create") << " to create, " << of("update") << " to change, " << of("replace") << " to replace, "
        << of("remove") << " to remove, " << counts.held << " held back\n";
}

Exit plan_files(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (!read.ok) return failed;
    Client const client(call.socket);
    Counts counts;
    json::array all;
    auto exit = fine;
    for (auto const& document : read.documents) {
        auto const target = target_of(document);
        auto answer = client.send("PUT", target.path() + "?dry_run=true", document.given);
        if (!answer.ok()) {
            console.err << problem_text(answer.status, answer.body, document.where) << '\n';
            exit = failed;
        } else if (call.format == Format::table) {
            print_plan(console.out, target.str(), answer.body, counts);
        }
        if (answer.ok()) all.push_back(std::move(answer.body));
    }
    print_list(console.out, call.format, all);
    if (call.format == Format::table) print_counts(console.out, counts);
    return exit;
}

}  // namespace

Exit validate(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (call.format == Format::table)
        for (auto const& document : read.documents)
            console.out << document.where << ": " << target_of(document).str() << " is valid\n";
    return read.ok ? fine : failed;
}

Exit apply(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (!read.ok) {
        console.err << "nothing was applied\n";
        return failed;
    }
    Client const client(call.socket);
    json::array results;
    std::vector<Target> accepted;
    auto exit = fine;
    for (auto const& document : read.documents) {
        auto const target = target_of(document);
        auto answer = client.send("PUT", target.path() + (call.take_over ? "?take_over=true" : ""), document.given);
        if (!answer.ok()) {
            console.err << problem_text(answer.status, answer.body, document.where) << '\n';
            exit = failed;
            continue;
        }
        accepted.push_back(target);
        if (call.format == Format::table)
            console.out << target.str() << ' ' << clean(text_at(answer.body, "result")) << " (generation "
                        << clean(text_at(answer.body, "generation")) << ")\n";
        results.push_back(std::move(answer.body));
    }
    print_list(console.out, call.format, results);
    if (!call.wait || exit != fine) return exit;
    return wait_for(client, accepted, Until::ready, call.timeout, console);
}

Exit plan(Call const& call, Console& console) {
    if (!call.files.empty() && !call.targets.empty()) throw Misuse("either -f or KIND/NAME");
    if (!call.files.empty()) return plan_files(call, console);
    auto const target = call.targets.empty() ? Target{} : object_of(call.targets.front());
    auto const body = Client(call.socket).ask("GET", target.kind == nullptr ? "/v1/plan" : target.path() + "/plan");
    if (call.format != Format::table) {
        print(console.out, call.format, body);
        return fine;
    }
    Counts counts;
    print_plan(console.out, target.kind == nullptr ? "" : target.str(), body, counts);
    print_counts(console.out, counts);
    return fine;
}

// Compares specs without secrets, which the daemon does not show.
Exit diff_specs(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (!read.ok) return failed;
    Client const client(call.socket);
    auto exit = fine;
    for (auto const& document : read.documents) {
        auto const target = target_of(document);
        auto const answer = client.send("GET", target.path());
        if (!answer.ok() && answer.status != 404)
            throw Failure(problem_text(answer.status, answer.body, document.where));
        if (answer.status == 404) {
            console.out << target.str() << ": would be created\n";
            exit = differs;
            continue;
        }
        auto const& schema = *document.spec.kind->schema;
        auto const& spec = value_at(answer.body, "spec");
        auto const have = complete(schema, spec.is_object() ? spec.get_object() : json::object());
        auto want = redact(schema, document.spec.value);
        // A generated secret that the file leaves out is kept, so it is not a difference.
        each_secret_with_former(schema, want, &have, [](auto const&, json::value& secret, json::value const* former) {
            if (secret.is_null() && former != nullptr) secret = *former;
        });
        // So does a version that the server chose.
        if (auto const choose = document.spec.kind->choose; choose != nullptr)
            (void)choose(want, &have, [] { return std::vector<std::string>(); });
        auto const changes = diff(schema, want, have);
        if (changes.empty()) continue;
        exit = differs;
        console.out << target.str() << '\n';
        for (auto const& change : changes)
            console.out << "      " << clean(change.path) << ": " << short_json(change.from) << " -> "
                        << short_json(change.to) << '\n';
    }
    return exit;
}

}  // namespace genesis::cli
