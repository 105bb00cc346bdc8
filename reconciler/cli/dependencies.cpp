// References between documents, and names that go from one to another.
#include "reconciler/cli/dependencies.hpp"

#include "reconciler/cli/output.hpp"

#include <algorithm>
#include <map>
#include <ostream>

namespace genesis::cli {
namespace {

// What only one object may have.
std::vector<Claim> claims_in(ObjectKind const& kind, json::object const& spec) {
    if (kind.claims == nullptr) return {};
    auto out = kind.claims(spec);
    std::erase_if(out, [](Claim const& claim) { return claim.from != Claim::exact || claim.shared; });
    return out;
}

// "*.x" is x and every name beneath it.
bool covers(std::string_view wildcard, std::string_view name) {
    if (!wildcard.starts_with("*.")) return false;
    return name == wildcard.substr(2) || name.ends_with(wildcard.substr(1));
}

bool excludes(Claim const& a, Claim const& b) {
    if (a.space != b.space) return false;
    if (a.value == b.value) return true;
    if (!a.wildcards || !b.wildcards) return false;
    auto const one = text_of(a.value), other = text_of(b.value);
    return covers(one, other) || covers(other, one);
}

struct Given {
    std::size_t by;
    Claim claim;
};

std::vector<Given> given_up(std::vector<SpecDocument> const& documents, StoredSpecs const& stored) {
    std::vector<Given> out;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        if (!stored[i]) continue;
        auto const& kind = *documents[i].spec.kind;
        auto const kept = claims_in(kind, documents[i].spec.value);
        for (auto& claim : claims_in(kind, *stored[i]))
            if (std::none_of(kept.begin(), kept.end(), [&](auto const& k) { return k.value == claim.value; }))
                out.push_back({i, std::move(claim)});
    }
    return out;
}

// Depth first, as storing_order() is.
class Sequencer {
public:
    explicit Sequencer(Requirements const& needs) : needs_(needs), state_(needs.size()) {}
    Sequence run() {
        for (std::size_t i = 0; i < needs_.size() && out_.circle.empty(); ++i) enter(i);
        return std::move(out_);
    }

private:
    enum State { not_seen, open, ordered };
    void enter(std::size_t i) {
        if (state_[i] == ordered || !out_.circle.empty()) return;
        if (state_[i] == open) {
            out_.circle.assign(std::find(path_.begin(), path_.end(), i), path_.end());
            return;
        }
        state_[i] = open;
        path_.push_back(i);
        for (auto const& need : needs_[i]) enter(need.on);
        path_.pop_back();
        state_[i] = ordered;
        out_.order.push_back(i);
    }
    Requirements const& needs_;
    std::vector<State> state_;
    std::vector<std::size_t> path_;
    Sequence out_;
};

}  // namespace

StoredSpecs stored_specs(Client const& client, std::vector<SpecDocument> const& documents) {
    StoredSpecs out;
    for (auto const& document : documents) {
        auto const answer = client.send("GET", Target{document.spec.kind, document.spec.name}.path());
        auto& spec = out.emplace_back();
        if (answer.status == 404) continue;
        if (!answer.ok()) throw Failure(problem_text(document, answer.status, answer.body));
        auto const& given = value_at(answer.body, "spec");
        spec = complete(*document.spec.kind->schema, given.is_object() ? given.get_object() : json::object());
    }
    return out;
}

Requirements needs_of(std::vector<SpecDocument> const& documents, StoredSpecs const& stored) {
    Requirements out(documents.size());
    std::map<Ref, std::size_t> places;
    for (std::size_t i = 0; i < documents.size(); ++i) places.emplace(documents[i].ref(), i);
    auto const given = given_up(documents, stored);
    for (std::size_t i = 0; i < documents.size(); ++i) {
        auto const& spec = documents[i].spec;
        for (auto const& reference : references_at(*spec.kind->schema, spec.value))
            if (auto const at = places.find(reference.to); at != places.end() && at->second != i)
                out[i].push_back({at->second, reference.path, ""});
        if (given.empty()) continue;
        for (auto const& claim : claims_in(*spec.kind, spec.value))
            for (auto const& [by, what] : given)
                if (by != i && excludes(claim, what)) out[i].push_back({by, claim.path, text_of(what.value)});
    }
    return out;
}

Sequence sequence_of(Requirements const& needs) { return Sequencer(needs).run(); }

void print_circle(std::ostream& err, std::vector<SpecDocument> const& documents, Requirements const& needs,
                  std::vector<std::size_t> const& circle) {
    std::string names;
    for (std::size_t i = 0; i < circle.size(); ++i) {
        auto const giver = circle[(i + 1) % circle.size()];
        for (auto const& need : needs[circle[i]]) {
            if (need.on != giver) continue;
            auto const from = documents[giver].ref().str();
            err << sentence(documents[circle[i]],
                            {need.path, "circle",
                             need.name.empty() ? "refers to " + from : need.name + " is taken from " + from})
                << '\n';
            if (!need.name.empty()) names += (names.empty() ? "" : ", ") + need.name;
        }
    }
    err << "they wait for each other, so none can be stored first. In two steps: apply the files without these names ("
        << clean(names) << "), then as they are; in between nobody has the names\n";
}

}  // namespace genesis::cli
