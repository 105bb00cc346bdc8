// The verbs that compare spec files: validate, plan, diff; and the plan of what is stored.
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/dependencies.hpp"
#include "reconciler/cli/documents.hpp"
#include "reconciler/cli/output.hpp"

#include <map>
#include <ostream>
#include <set>
#include <utility>

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
    auto const* const nothing =
        unreachable_kinds(plan).empty() ? ": nothing to do\n" : ": nothing to do in what can be observed\n";
    out << (of.empty() ? "everything" : of) << (steps.empty() && holds.empty() ? nothing : "\n");
    for (auto const& step : steps) {
        auto const verb = text_at(step, "verb"), cause = text_at(step, "cause");
        ++counts.verbs[verb];
        out << "  " << symbol(verb) << ' ' << clean(verb) << ' ' << subject_of(step, of.empty())
            << (cause.empty() ? "" : "  (" + clean(cause) + ")") << '\n';
        if (verb != "create") print_changes(out, list_at(step, "changes"), "from", "to");
    }
    for (auto const& hold : holds) {
        ++counts.held;
        auto const command = confirmation(text_at(hold, "reason"), text_at(hold, "object"));
        out << "  = held " << subject_of(hold, of.empty()) << "  " << clean(text_at(hold, "reason")) << ": "
            << clean(text_at(hold, "message")) << (command.empty() ? "" : ": " + command) << '\n';
        print_changes(out, list_at(hold, "changes"), "from", "to");
    }
    print_unreachable(out, plan);
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

// Of a document and what is stored, without secrets, which the daemon does not show.
std::vector<Change> differences(SpecDocument const& document, json::object const& have) {
    auto const& schema = *document.spec.kind->schema;
    auto want = redact(schema, document.spec.value);
    // A generated secret that the file leaves out is kept, so it is not a difference.
    each_secret_with_former(schema, want, &have, [](auto const&, json::value& secret, json::value const* former) {
        if (secret.is_null() && former != nullptr) secret = *former;
    });
    // So does a version that the server chose.
    if (auto const choose = document.spec.kind->choose; choose != nullptr)
        (void)choose(want, &have, [] { return std::vector<std::string>(); });
    return diff(schema, want, have);
}

// What `plan -f` says beside the plans: each document is planned for by itself, from what is stored.
class Together {
public:
    Together(Client const& client, std::vector<SpecDocument> const& documents)
        : documents_(documents), stored_(stored_specs(client, documents)), needs_(needs_of(documents, stored_)) {}

    // Why there is no plan of a refused document, where that is because of another one.
    [[nodiscard]] std::optional<std::string> refusal(std::size_t i) const {
        for (auto const& [on, path, name] : needs_[i]) {
            auto const other = documents_[on].ref().str();
            if (!name.empty())
                return say(i, path,
                           "no plan yet: " + name + " is " + other + "'s until that is stored as in these files");
            if (!stored_[on])
                return say(i, path, "no plan yet: " + other + " of these files is not stored; apply stores it first");
        }
        return std::nullopt;
    }
    // What its plan does not take into account: said of the first document that it is true of.
    [[nodiscard]] std::vector<std::string> notes(std::size_t i) {
        std::vector<std::string> out;
        for (auto const& [on, path, name] : needs_[i])
            if (name.empty() && stored_[on] && !differences(documents_[on], *stored_[on]).empty() &&
                noted_.insert(on).second)
                out.push_back(say(i, path,
                                  "planned with " + documents_[on].ref().str() +
                                      " as it is stored, as are others that refer to it; what these files change in it "
                                      "is in its own plan"));
        return out;
    }

private:
    [[nodiscard]] std::string say(std::size_t i, std::string const& path, std::string text) const {
        return sentence(documents_[i], {path, "together", std::move(text)});
    }
    std::vector<SpecDocument> const& documents_;
    StoredSpecs stored_;
    Requirements needs_;
    std::set<std::size_t> noted_;
};

Exit plan_files(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (!read.ok) return failed;
    Client const client(call.socket);
    Together together(client, read.documents);
    Counts counts;
    json::array all;
    auto exit = fine;
    for (std::size_t i = 0; i < read.documents.size(); ++i) {
        auto const& document = read.documents[i];
        auto const target = target_of(document);
        auto answer = client.send("PUT", target.path() + "?dry_run=true", document.written.value);
        if (!answer.ok()) {
            auto const why = together.refusal(i);
            console.err << why.value_or(problem_text(document, answer.status, answer.body)) << '\n';
            exit = failed;
            continue;
        }
        if (call.format == Format::table) print_plan(console.out, target.str(), answer.body, counts);
        console.out << std::flush;
        for (auto const& note : together.notes(i)) console.err << note << '\n';
        all.push_back(std::move(answer.body));
    }
    print_list(console.out, call.format, all);
    if (call.format == Format::table) print_counts(console.out, counts);
    return exit;
}

}  // namespace

Exit validate(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (call.format == Format::table)
        for (auto const& document : read.documents) console.out << sentence(document, {"", "", "is valid"}) << '\n';
    return read.ok ? fine : failed;
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

Exit diff_specs(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (!read.ok) return failed;
    Client const client(call.socket);
    auto exit = fine;
    auto const stored = stored_specs(client, read.documents);
    for (std::size_t i = 0; i < stored.size(); ++i) {
        auto const object = read.documents[i].ref().str();
        if (!stored[i]) {
            console.out << object << ": would be created\n";
            exit = differs;
            continue;
        }
        auto const changes = differences(read.documents[i], *stored[i]);
        if (changes.empty()) continue;
        exit = differs;
        console.out << object << '\n';
        for (auto const& change : changes)
            console.out << "      " << clean(change.path) << ": " << short_json(change.from) << " -> "
                        << short_json(change.to) << '\n';
    }
    return exit;
}

}  // namespace genesis::cli
