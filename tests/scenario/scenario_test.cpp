// Plays each tests/scenario/NNN-name.txt on the real planner and reconciler over machines in memory, and compares what
// it prints with NNN-name.out.
//
//   put <<             a spec (YAML) up to a line with a single dot; says created, changed, unchanged or the problems
//   pass | converge    one full pass, or passes until nothing is done; says what was applied and committed
//   plan | drift       what a pass would do, without doing it
//   status KIND/NAME   conditions and records that are not in sync
//   world [PREFIX]     the records of the machine
//   hand REF FIELD JSON | hand drop REF | hand unmanaged REF WHY | hand unseen REF | hand seen | hand unreachable
//   DRIVER WHY fail DRIVER N | verdict REF WHY | verdict clear | advance SECONDS | restart | die DRIVER after N |
//   revive delete KIND/NAME [purge] | pause REF | resume REF | adopt REF | confirm REF | pause all | resume all
#include "tests/support/bed.hpp"
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>

using namespace genesis;
using namespace genesis::test;

namespace {

Ref ref_of(std::string const& text) {
    auto const slash = text.find('/');
    return {text.substr(0, slash), text.substr(slash + 1)};
}

std::string rest_of(std::istringstream& words) {
    std::string rest;
    std::getline(words >> std::ws, rest);
    return rest;
}

class Play {
public:
    std::string run(std::string const& script) {
        std::istringstream lines(script);
        std::string line;
        while (std::getline(lines, line)) {
            if (line.empty() || line.starts_with('#')) continue;
            out_ += "> " + line + "\n";
            std::istringstream words(line);
            std::string verb;
            words >> verb;
            act(verb, words, lines);
        }
        return out_;
    }

private:
    void act(std::string const& verb, std::istringstream& words, std::istringstream& lines) {
        std::string a, b;
        if (verb == "put") return put(lines);
        if (verb == "hand") return hand(words);
        if (verb == "pass") return pass(1);
        if (verb == "converge") return pass(20);
        if (verb == "plan" || verb == "drift") return show(bed_.examine());
        if (verb == "restart") return bed_.restart();
        if (verb == "revive") {
            bed_.world.dead = false;
            bed_.world.die_after = -1;
            return;
        }
        if (verb == "die") return void(words >> bed_.world.dying_driver >> a >> bed_.world.die_after);
        words >> a;
        if (verb == "status") return status(ref_of(a));
        if (verb == "world") return world(a);
        if (verb == "advance") return bed_.clock.advance(std::chrono::seconds(std::stoi(a)));
        if (verb == "fail") return void(words >> bed_.world.fail[a]);
        if (verb == "verdict") return verdict(a, rest_of(words));
        words >> b;
        order(verb, a, b);
    }

    void order(std::string const& verb, std::string const& a, std::string const& b) {
        Actor by{"operator", "here", "", {}};
        if (a == "all") return void(bed_.store->set_all_paused(verb == "pause", by));
        auto const ref = ref_of(a);
        auto result = verb == "delete"
                          ? bed_.store->remove(ref, b == "purge" ? std::optional(true) : std::nullopt, "api")
                      : verb == "pause"   ? bed_.store->set_paused(ref, true)
                      : verb == "resume"  ? bed_.store->set_paused(ref, false)
                      : verb == "adopt"   ? bed_.store->set_adopt(ref, true)
                      : verb == "confirm" ? bed_.store->confirm_removals(ref)
                                          : throw std::runtime_error("unknown verb " + verb);
        if (!result) out_ += "refused " + result.error().code + ": " + result.error().text + "\n";
    }

    void put(std::istringstream& lines) {
        std::string yaml, line;
        while (std::getline(lines, line) && line != ".") yaml += line + "\n";
        out_ += bed_.apply(yaml);
    }

    void pass(int most) {
        for (int i = 0; i < most; ++i) {
            bed_.world.calls.clear();
            auto const result = bed_.pass();
            auto calls = bed_.world.calls;  // drivers run side by side: their order says nothing
            std::sort(calls.begin(), calls.end());
            std::string line;
            for (auto const& c : calls) line += (line.empty() ? "" : ", ") + c;
            out_ += line.empty() ? "quiet" : line;
            if (result.failed > 0) out_ += "; " + std::to_string(result.failed) + " failed";
            if (result.held > 0) out_ += "; " + std::to_string(result.held) + " held";
            out_ += "\n";
            if (result.steps == 0) return;
        }
    }

    void changes(std::vector<Change> const& list) {
        for (auto const& c : list)
            out_ += "    " + c.path + ": " + json::serialize(c.from) + " -> " + json::serialize(c.to) + "\n";
    }

    void show(Plan const& plan) {
        for (auto const& [s, cause, joins, driver] : plan.steps) {
            out_ += std::string(word_of(s.verb)) + " " + s.ref.str() + " (" + std::string(word_of(cause)) + ")\n";
            if (s.verb == Verb::update) changes(s.changes);
        }
        for (auto const& h : plan.holds) {
            out_ += "hold " + std::string(word_of(h.verb)) + " " + h.ref.str() + " " + std::string(word_of(h.reason)) +
                    ": " + h.message + "\n";
            if (h.reason == HoldReason::conflict || h.reason == HoldReason::paused) changes(h.changes);
        }
        if (plan.empty()) out_ += "nothing to do\n";
    }

    void status(Ref const& ref) {
        auto const object = bed_.store->find(ref);
        if (!object) {
            out_ += "absent\n";
            return;
        }
        auto const s = bed_.cache->status(*object);
        for (auto const& c : s.conditions)
            if (c.type == ConditionType::ready || c.status == Truth::yes)
                out_ += std::string(word_of(c.type)) + " " + std::string(word_of(c.status)) + " " +
                        std::string(word_of(c.reason)) + (c.message.empty() ? "" : ": " + c.message) + "\n";
        for (auto const& r : s.records)
            if (r.state != SyncState::in_sync)
                out_ += "  " + r.kind + "/" + r.key + " " + std::string(word_of(r.state)) +
                        (r.cause.empty() ? "" : " " + r.cause) + " " + r.message + "\n";
    }

    void world(std::string const& prefix) {
        for (auto const& [ref, value] : bed_.world.records)
            if (ref.str().starts_with(prefix)) out_ += ref.str() + "\n";
    }

    void verdict(std::string const& ref, std::string const& why) {
        if (ref == "clear")
            bed_.world.record_outcomes.clear();
        else
            bed_.world.record_outcomes[ref_of(ref)] = {Outcome::retry, why};
    }

    void hand(std::istringstream& words) {
        std::string a, b;
        words >> a >> b;
        if (a == "seen") return bed_.world.unseen.clear(), bed_.world.unreachable.clear();
        if (a == "unreachable") {
            bed_.world.unreachable[b] = rest_of(words);
        } else if (a == "drop") {
            bed_.world.records.erase(ref_of(b));
        } else if (a == "unseen") {
            bed_.world.unseen.insert(ref_of(b));
        } else if (a == "unmanaged") {
            auto const ref = ref_of(b);
            for (auto const& d : bed_.drivers)
                for (auto const* schema : d->kinds())
                    if (schema->kind == ref.kind)
                        bed_.world.unmanaged[ref] = {json::object{{schema->key()->name, ref.key}}, rest_of(words)};
        } else {
            bed_.world.records.at(ref_of(a))[b] = json::parse(rest_of(words));
        }
    }

    Bed bed_;
    std::string out_;
};

std::vector<std::string> scripts() {
    std::vector<std::string> out;
    for (auto const& entry : std::filesystem::directory_iterator(source_root() + "/tests/scenario"))
        if (entry.path().extension() == ".txt") out.push_back(entry.path().string());
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

TEST_CASE("every scenario ends as its golden file says") {
    auto const all = scripts();
    REQUIRE(all.size() >= 10);
    for (auto const& path : all) {
        auto const shown = Play().run(read_file(path));
        auto const golden = path.substr(0, path.size() - 4) + ".out";
        CHECK(compare_golden(golden, shown) == same);
    }
}
