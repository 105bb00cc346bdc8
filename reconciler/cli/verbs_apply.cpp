// apply: stores spec files, in an order in which they can be stored, and waits until all that they change is so.
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/dependencies.hpp"
#include "reconciler/cli/documents.hpp"
#include "reconciler/cli/output.hpp"
#include "reconciler/cli/waiting.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <ostream>
#include <set>
#include <utility>

namespace genesis::cli {
namespace {

Target target_of(SpecDocument const& document) { return {.kind = document.spec.kind, .name = document.spec.name}; }

// Documents of one kind are sent side by side, so that the daemon can store them together: objects refer to other kinds
// only. One that needs another is sent when that is stored. `take` has the answers in the order of the documents.
template <class F>
void put_each(Client const& client, std::vector<SpecDocument> const& documents, std::vector<std::size_t> const& order,
              Requirements const& needs, bool take_over, F const& take) {
    constexpr std::size_t most_at_once = 16;
    std::deque<std::pair<std::size_t, std::future<Answer>>> sent;
    auto take_first = [&] {
        auto [i, answer] = std::move(sent.front());
        sent.pop_front();
        take(documents[i], answer.get());
    };
    auto const waits = [&](std::size_t i) {
        return std::any_of(needs[i].begin(), needs[i].end(), [&](Requirement const& need) {
            return std::any_of(sent.begin(), sent.end(), [&](auto const& one) { return one.first == need.on; });
        });
    };
    for (auto const i : order) {
        auto const& document = documents[i];
        while (!sent.empty() && (sent.size() == most_at_once || waits(i) ||
                                 documents[sent.front().first].spec.kind != document.spec.kind))
            take_first();
        sent.emplace_back(i, std::async(std::launch::async, [&client, &document, take_over] {
                              auto const path = target_of(document).path() + (take_over ? "?take_over=true" : "");
                              return client.send("PUT", path, document.written.value);
                          }));
    }
    while (!sent.empty()) take_first();
}

struct Stored {
    SpecDocument const* document;
    bool changed;
};

bool may_refer_to(Schema const& schema, std::string const& kind) {
    return std::any_of(schema.fields.begin(), schema.fields.end(), [&](FieldInfo const& field) {
        if (field.constraint.refers_to == kind) return true;
        for (auto const* shape = &field.shape; shape != nullptr; shape = shape->item)
            if (shape->record != nullptr && may_refer_to(*shape->record, kind)) return true;
        return false;
    });
}

bool may_use(ObjectKind const& kind, std::set<Ref> const& changed) {
    return std::any_of(changed.begin(), changed.end(),
                       [&](Ref const& ref) { return may_refer_to(*kind.schema, ref.kind); });
}

// What was stored and, where something has changed that other objects use, those as well.
std::vector<Awaited> to_wait_for(Client const& client, std::vector<Stored> const& stored) {
    std::vector<Awaited> out;
    std::set<Ref> given, changed;
    for (auto const& [document, is_changed] : stored) {
        given.insert(document->ref());
        if (is_changed) changed.insert(document->ref());
    }
    auto const uses = [&](ObjectKind const& kind, json::object const& spec) {
        auto const used = references(*kind.schema, spec);
        return std::any_of(used.begin(), used.end(), [&](Ref const& ref) { return changed.contains(ref); });
    };
    for (auto const& [document, is_changed] : stored)
        out.push_back({.target = target_of(*document),
                       .looked_at = !is_changed && uses(*document->spec.kind, document->spec.value)});
    for (auto const& kind : object_kinds()) {
        if (!may_use(kind, changed)) continue;
        for (auto const& envelope : client.list({.kind = &kind, .name = {}})) {
            auto const name = text_at(envelope, "name");
            auto const* spec = value_at(envelope, "spec").if_object();
            bool const known = given.contains({std::string(kind.schema->kind), name});
            if (known || spec == nullptr || !text_at(envelope, "terminating").empty() || !uses(kind, *spec)) continue;
            out.push_back({.target = {.kind = &kind, .name = name}, .looked_at = true, .named = false});
        }
    }
    return out;
}

Exit wait_for_stored(Client const& client, std::vector<Stored> const& stored, Call const& call, Console& console) {
    auto const all = to_wait_for(client, stored);
    auto const exit = wait_for(client, all, Until::ready, call.timeout, console);
    auto const others = std::count_if(all.begin(), all.end(), [](Awaited const& one) { return !one.named; });
    if (exit == fine && others > 0)
        console.out << (others == 1 ? "the other object that uses"
                                    : "the " + std::to_string(others) + " other objects that use")
                    << " what has changed " << (others == 1 ? "is" : "are") << " ready\n";
    return exit;
}

// Only one of several can give up a name that another takes.
bool names_may_move(std::vector<SpecDocument> const& documents) {
    return std::count_if(documents.begin(), documents.end(),
                         [](SpecDocument const& d) { return d.spec.kind->claims != nullptr; }) > 1;
}

}  // namespace

Exit apply(Call const& call, Console& console) {
    auto const read = read_documents(call.files, console);
    if (!read.ok) {
        console.err << "nothing was applied\n";
        return failed;
    }
    Client const client(call.socket);
    auto const& documents = read.documents;
    auto const needs = needs_of(documents, names_may_move(documents) ? stored_specs(client, documents) : StoredSpecs());
    auto const sequence = sequence_of(needs);
    if (!sequence.circle.empty()) {
        print_circle(console.err, documents, needs, sequence.circle);
        console.err << "nothing was applied\n";
        return failed;
    }
    json::array results;
    std::vector<Stored> stored;
    auto exit = fine;
    put_each(client, documents, sequence.order, needs, call.take_over,
             [&](SpecDocument const& document, Answer answer) {
                 if (!answer.ok()) {
                     console.err << problem_text(document, answer.status, answer.body) << '\n';
                     exit = failed;
                     return;
                 }
                 auto const result = text_at(answer.body, "result");
                 stored.push_back({&document, result != "unchanged"});
                 if (call.format == Format::table)
                     console.out << document.ref().str() << ' ' << clean(result) << " (generation "
                                 << clean(text_at(answer.body, "generation")) << ")\n";
                 results.push_back(std::move(answer.body));
             });
    if (call.format != Format::table) print(console.out, call.format, results);
    console.out << std::flush;
    if (!call.wait || stored.empty()) return exit;
    auto const waited = wait_for_stored(client, stored, call, console);
    return exit == fine ? waited : exit;
}

}  // namespace genesis::cli
