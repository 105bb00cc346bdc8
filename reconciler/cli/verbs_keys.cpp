// The verbs keys and audit.
#include "reconciler/cli/client.hpp"
#include "reconciler/cli/output.hpp"

#include <algorithm>
#include <ostream>

namespace genesis::cli {
namespace {

// The daemon checks the id; here only that it is safe in a path.
std::string path_of(Call const& call) {
    auto const fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (call.kid.empty()) throw Misuse("keys " + call.action + " needs --kid");
    if (!std::all_of(call.kid.begin(), call.kid.end(), fits))
        throw Misuse("\"" + clean(call.kid) + "\" is not a key id: lower-case letters, digits and hyphens");
    return "/v1/keys/" + call.kid;
}

std::string joined(json::array const& words) {
    std::string out;
    for (auto const& word : words)
        if (auto const* text = word.if_string()) out.append(out.empty() ? "" : ",").append(std::string_view(*text));
    return out;
}

json::array texts(std::vector<std::string> const& words) { return json::array(words.begin(), words.end()); }

json::object request_of(Call const& call) {
    if (call.scopes.empty()) throw Misuse("keys add needs --scopes, such as account:write,read");
    json::object out{{"scopes", texts(call.scopes)}, {"cidrs", texts(call.cidrs)}, {"comment", call.comment}};
    if (!call.not_before.empty()) out["not_before"] = call.not_before;
    if (!call.expires.empty()) out["expires"] = call.expires;
    return out;
}

// A new secret; it is never shown again.
Exit print_secret(Call const& call, Console& console, json::value const& key) {
    if (call.format != Format::table) {
        print(console.out, call.format, key);
        return fine;
    }
    console.out << "key:    " << clean(text_at(key, "kid")) << " (secret " << clean(text_at(key, "version")) << ", "
                << clean(joined(list_at(key, "scopes"))) << ")\nsecret: " << clean(text_at(key, "secret")) << '\n';
    console.err << "Store the secret now: it will not be shown again.\n";
    return fine;
}

Exit list_keys(Call const& call, Console& console) {
    auto const body = Client(call.socket).ask("GET", "/v1/keys");
    auto const& items = list_at(body, "items");
    if (call.format != Format::table) {
        print(console.out, call.format, items);
        return fine;
    }
    Table table{.head = {"KEY", "SECRET", "SCOPES", "FROM", "CREATED", "NOT BEFORE", "EXPIRES", "REVOKED", "COMMENT"},
                .rows = {}};
    for (auto const& i : items)
        table.rows.push_back({text_at(i, "kid"), text_at(i, "version"), joined(list_at(i, "scopes")),
                              joined(list_at(i, "cidrs")), text_at(i, "created"), text_at(i, "not_before"),
                              text_at(i, "expires"), text_at(i, "revoked"), text_at(i, "comment")});
    if (items.empty()) console.err << "no keys\n";
    print(console.out, table);
    return fine;
}

}  // namespace

Exit keys(Call const& call, Console& console) {
    if (call.action == "list") return list_keys(call, console);
    Client const client(call.socket);
    auto const path = path_of(call);
    if (call.action == "add") return print_secret(call, console, client.ask("POST", path, request_of(call)));
    if (call.action == "rotate") {
        json::value const body{{"overlap_seconds", call.overlap.count()}};
        return print_secret(call, console, client.ask("POST", path + "/rotate", body));
    }
    auto const body = client.ask("DELETE", path);
    if (call.format != Format::table)
        print(console.out, call.format, body);
    else
        console.out << "key " << call.kid << " is revoked\n";
    return fine;
}

Exit audit(Call const& call, Console& console) {
    auto const body = Client(call.socket).ask("GET", "/v1/audit?limit=" + std::to_string(call.limit));
    auto const& items = list_at(body, "items");
    if (call.format != Format::table) {
        print(console.out, call.format, items);
        return fine;
    }
    Table table{.head = {"AT", "WHO", "FROM", "ACTION", "OBJECT", "GENERATION", "REQUEST"}, .rows = {}};
    for (auto const& i : items)
        table.rows.push_back({text_at(i, "at"), text_at(i, "who"), text_at(i, "from"), text_at(i, "action"),
                              text_at(i, "object"), text_at(i, "generation"), text_at(i, "request")});
    print(console.out, table);
    return fine;
}

}  // namespace genesis::cli
