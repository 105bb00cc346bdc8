// The verbs that read: get, describe, drift, history, info, credentials.
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/output.hpp"
#include "reconciler/cli/waiting.hpp"

#include <ostream>

namespace genesis::cli {
namespace {

std::string state_of(json::value const& envelope, bool all_paused) {
    auto const is = [&](char const* type) { return text_at(condition(envelope, type), "status") == "true"; };
    if (all_paused) return is("terminating") ? "terminating, paused (all)" : "paused (all)";
    for (auto const* type : {"terminating", "paused", "suspended", "degraded", "progressing"})
        if (is(type)) return type;
    return "";
}

Table table_of(json::array const& envelopes, bool all_paused) {
    Table table{.head = {"NAME", "READY", "STATE", "GENERATION", "SOURCE", "MESSAGE"}, .rows = {}};
    for (auto const& e : envelopes) {
        auto const& ready = condition(e, "ready");
        table.rows.push_back({text_at(e, "kind") + "/" + text_at(e, "name"), text_at(ready, "status"),
                              state_of(e, all_paused), text_at(e, "generation"), text_at(e, "source"),
                              text_at(ready, "message")});
    }
    return table;
}

// A spec in the order of its description.
json::object in_order(ObjectKind const& kind, json::value const& envelope) {
    json::object out{{"kind", kind.schema->kind}};
    for (auto const& field : kind.schema->fields)
        if (auto const& value = value_at(value_at(envelope, "spec"), field.name); !value.is_null())
            out[field.name] = value;
    return out;
}

// Documents for apply -f; secrets are ********, which means unchanged.
void print_specs(std::ostream& out, ObjectKind const& kind, json::array const& envelopes) {
    bool first = true;
    for (auto const& e : envelopes) {
        if (!first) out << "---\n";
        first = false;
        print(out, Format::yaml, in_order(kind, e));
    }
}

// What a record's status says, the command it waits for, and what was observed that no spec asks for.
std::string message_of(std::string const& object, json::value const& record) {
    auto out = text_at(record, "message");
    auto const command = text_at(record, "state") == "held" ? confirmation("holds_data", object) : "";
    if (!command.empty()) out += ": " + command;
    if (auto const* reported = value_at(record, "reported").if_object())
        for (auto const& [name, value] : *reported)
            out += (out.empty() ? "" : "; ") + std::string(name) + ": " + short_json(value);
    return out;
}

Table records_of(std::string const& object, json::value const& envelope) {
    Table table{.head = {"  RECORD", "STATE", "CAUSE", "SINCE", "ATTEMPTS", "NEXT", "MESSAGE"}, .rows = {}};
    for (auto const& r : list_at(value_at(envelope, "status"), "records"))
        table.rows.push_back({"  " + text_at(r, "kind") + "/" + text_at(r, "key"), text_at(r, "state"),
                              text_at(r, "cause"), text_at(r, "since"), text_at(r, "attempts"),
                              text_at(r, "next_attempt"), message_of(object, r)});
    return table;
}

Table allocations_of(json::value const& envelope) {
    Table table{.head = {"  ALLOCATION", "SPACE", "POOL", "VALUE", "WHY"}, .rows = {}};
    for (auto const& a : list_at(value_at(envelope, "status"), "allocations"))
        table.rows.push_back({"  " + text_at(a, "slot"), text_at(a, "space"), text_at(a, "pool"), text_at(a, "value"),
                              text_at(a, "why")});
    return table;
}

// That it is paused of itself is a condition of the object, that everything is paused is none.
Table conditions_of(json::value const& envelope, bool all_paused) {
    Table table{.head = {"  CONDITION", "STATUS", "REASON", "CHANGED", "MESSAGE"}, .rows = {}};
    for (auto const& c : list_at(value_at(envelope, "status"), "conditions")) {
        if (all_paused && text_at(c, "type") == "paused")
            table.rows.push_back({"  paused", "true", "Operator", "", "everything is paused"});
        else
            table.rows.push_back({"  " + text_at(c, "type"), text_at(c, "status"), text_at(c, "reason"),
                                  text_at(c, "changed_at"), text_at(c, "message")});
    }
    return table;
}

void print_indented(std::ostream& out, std::string const& text) {
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find('\n', at), text.size());
        out << "  " << clean(std::string_view(text).substr(at, end - at)) << '\n';
        at = end + 1;
    }
}

void print_drift(std::ostream& out, json::array const& items) {
    for (auto const& item : items) {
        auto const message = text_at(item, "message"), since = text_at(item, "since");
        auto const command = confirmation(text_at(item, "reason"), text_at(item, "object"));
        out << clean(text_at(item, "object")) << "  " << clean(text_at(item, "kind")) << '/'
            << clean(text_at(item, "key")) << ": " << clean(text_at(item, "verb")) << ", "
            << clean(text_at(item, "cause")) << (since.empty() ? "" : " since " + clean(since))
            << (message.empty() ? "" : ": " + clean(message)) << (command.empty() ? "" : ": " + command) << '\n';
        print_changes(out, list_at(item, "changes"), "have", "want");
    }
}

// Each text of a list is a line, whole.
void print_field(std::ostream& out, std::string_view name, json::value const& value) {
    auto const* list = value.if_array();
    if (list == nullptr || list->empty()) {
        out << clean(name) << ": " << short_json(value) << '\n';
        return;
    }
    out << clean(name) << ":\n";
    for (auto const& item : *list)
        out << "  " << (item.is_string() ? clean(item.get_string()) : short_json(item)) << '\n';
}

}  // namespace

Exit get(Call const& call, Console& console) {
    auto const target = target_of(call.targets.front());
    Client const client(call.socket);
    json::array items;
    if (target.name.empty())
        items = client.list(target, call.ready.empty() ? "" : "&ready=" + call.ready);
    else
        items.push_back(client.ask("GET", target.path()));
    if (call.format == Format::spec)
        print_specs(console.out, *target.kind, items);
    else if (call.format != Format::table)
        print(console.out, call.format, items);
    else if (items.empty())
        console.err << "no " << target.kind->plural << '\n';
    else
        print(console.out, table_of(items, is_all_paused(client)));
    return fine;
}

Exit describe(Call const& call, Console& console) {
    auto const target = object_of(call.targets.front());
    Client const client(call.socket);
    auto const e = client.ask("GET", target.path());
    bool const all_paused = is_all_paused(client);
    auto& out = console.out;
    auto const terminating = text_at(e, "terminating"), source = text_at(e, "source");
    auto const request = text_at(e, "request");
    out << target.str() << "  generation " << clean(text_at(e, "generation"))
        << (source.empty() ? "" : ", from " + clean(source)) << (request.empty() ? "" : ", request " + clean(request))
        << (terminating.empty() ? "" : ", terminating since " + clean(terminating))
        << (value_at(e, "paused") == json::value(true) ? ", paused" : "")
        << (all_paused ? ", everything is paused" : "") << "\n\n";
    print_indented(out, to_yaml(in_order(*target.kind, e)));
    out << '\n';
    if (auto const allocations = allocations_of(e); !allocations.rows.empty()) {
        print(out, allocations);
        out << '\n';
    }
    print(out, conditions_of(e, all_paused));
    out << '\n';
    print(out, records_of(target.str(), e));
    return fine;
}

Exit drift(Call const& call, Console& console) {
    auto const path = call.targets.empty() ? "/v1/drift" : object_of(call.targets.front()).path() + "/drift";
    auto const body = Client(call.socket).ask("GET", path);
    auto const& items = list_at(body, "items");
    bool const all = unreachable_kinds(body).empty();
    if (call.format != Format::table)
        print(console.out, call.format, items);
    else if (items.empty())
        console.out << (all ? "no drift\n" : "no drift in what can be observed\n");
    else
        print_drift(console.out, items);
    print_unreachable(console.err, body);
    return items.empty() && all ? fine : differs;
}

Exit history(Call const& call, Console& console) {
    auto const path = call.targets.empty() ? std::string("/v1") : object_of(call.targets.front()).path();
    auto const body = Client(call.socket).ask("GET", path + "/history?limit=" + std::to_string(call.limit));
    auto const& items = list_at(body, "items");
    if (call.format != Format::table) {
        print(console.out, call.format, items);
        return fine;
    }
    Table table{.head = {"AT", "OBJECT", "VERB", "RECORD", "CAUSE", "OUTCOME", "WHY"}, .rows = {}};
    for (auto const& i : items)
        table.rows.push_back({text_at(i, "at"), text_at(i, "object"), text_at(i, "verb"),
                              text_at(i, "kind") + "/" + text_at(i, "key"), text_at(i, "cause"), text_at(i, "outcome"),
                              text_at(i, "why")});
    print(console.out, table);
    return fine;
}

Exit info(Call const& call, Console& console) {
    auto const body = Client(call.socket).ask("GET", "/v1/info");
    if (call.format != Format::table) {
        print(console.out, call.format, body);
        return fine;
    }
    if (auto const* fields = body.if_object())
        for (auto const& field : *fields) print_field(console.out, field.key(), field.value());
    if (value_at(body, "all_paused") == json::value(true))
        console.out << "everything is paused: observed, not changed; to end that: " << resumes_all << '\n';
    return fine;
}

Exit credentials(Call const& call, Console& console) {
    auto const target = object_of(call.targets.front());
    auto const body = Client(call.socket).ask("POST", target.path() + "/credentials");
    auto const& items = list_at(body, "credentials");
    if (call.format != Format::table) {
        print(console.out, call.format, items);
        return fine;
    }
    if (items.empty()) console.err << "no secrets: none was generated, or they were shown before\n";
    Table table{.head = {"FOR", "SECRET"}, .rows = {}};
    for (auto const& item : items) table.rows.push_back({text_at(item, "label"), text_at(item, "secret")});
    print(console.out, table);
    return fine;
}

}  // namespace genesis::cli
