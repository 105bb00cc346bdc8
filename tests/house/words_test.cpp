// Names that were replaced stay out of the rooms that no longer use them.
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

using namespace genesis::test;

namespace {

// Paths begin with one of these. A room is added here once it uses the new names.
std::vector<std::string> const api{"reconciler/api/",
                                   "reconciler/cli/",
                                   "reconciler/webhooks/",
                                   "reconciler/cache/",
                                   "reconciler/telemetry/",
                                   "reconciler/app/listeners",
                                   "reconciler/app/metrics_sources",
                                   "reconciler/app/cache_wiring"};

std::vector<std::string> const all_rooms{"drivers/",        "resources/",  "reconciler/",     "tests/support/",
                                         "tests/contract/", "tests/unit/", "tests/scenario/", "tests/simulation/"};
// A YAML parser's own nouns are not ours to rename.
std::vector<std::string> const users_of_schemas{"drivers/",
                                                "reconciler/",
                                                "resources/account",
                                                "resources/package",
                                                "resources/status",
                                                "resources/schema/schema",
                                                "resources/schema/field",
                                                "resources/schema/codec"};

struct Replaced {
    std::string pattern, by;  // of a whole word, ECMAScript
    std::vector<std::string> const& rooms;
};

std::vector<Replaced> const& replaced() {
    static std::vector<Replaced> const all{
        {"OpenDoor|Doors?|doors?_?", "Listener, listener", api},
        {"Keepers?", "Authenticators", api},
        {"Roster|roster_?", "ConnectionLimiter", api},
        {"Seats?|seats?_?", "Slot", api},
        {"farewell", "linger", api},
        {"Arrival|Arrived", "PendingPut", api},
        {"Asked", "Exchange", api},
        {"Answered", "DispatchResult, dispatch", api},
        {"AllDescribed", "ConformsToOpenApi", api},
        {"EventBell|Bell", "EventSignal, CompletionQueue", api},
        {"Couriers?|couriers?_?", "WebhookDispatcher", api},
        {"Posters?|posters?_?", "HttpClient", api},
        {"\\w*Patience|patience_?", "Timeouts, timeout", api},
        {"Needs", "RequiredScope", api},
        {"vouch(es|ed)?", "trust", api},
        {"add_gauges", "add_metrics_sources", api},
        {"Listening", "ListenerStatus", api},
        // Prose that says who instead of what.
        {"[Ww]hoever|([Uu]n)?[Tt]old|[Tt]ells?", "the noun", all_rooms},
        {"[Ss]trangers?_?", "unauthenticated, unmanaged", all_rooms},
        {"anew", "again", all_rooms},
        {"Foreign|foreign_(user|group)", "Unmanaged", all_rooms},
        {"Look|Sight|[Bb]lind|strays?", "Observation, unreachable, orphan", all_rooms},
        {"World", "PlanningInput, Machine", all_rooms},
        {"Errands?|carry_out|Fates?|Boards?|Undisturbed|unlearn|insist|Terrain", "see the glossary", all_rooms},
        {"Settled|verdicts|settle", "CommitResult, records, commit", all_rooms},
        {"Choices", "EnumNames", all_rooms},
        {"Mark|Rule|Form", "Attribute, Constraint, Type", users_of_schemas},
        {"restore", "decode_trusted", users_of_schemas},
        {"Told", "Completion", all_rooms},
        {"Origin|EventFan", "Actor, Signal", all_rooms},
        {"spend|spends|rehearse|rehearsal", "consume, dry run", all_rooms},
        {"welcome|write_welcome|Welcome", "placeholder_page", all_rooms},
        {"Seen|Ran", "FileStat, ExecResult", all_rooms},
    };
    return all;
}

bool in_room(std::string const& path, std::vector<std::string> const& rooms) {
    return std::any_of(rooms.begin(), rooms.end(), [&](auto const& room) { return path.starts_with(room); });
}

// Each word of the rooms' sources, with a file that has it.
std::map<std::string, std::string> words_of(std::vector<std::string> const& rooms) {
    std::map<std::string, std::string> out;
    for (auto const* top : {"resources", "drivers", "reconciler", "tests"})
        for (auto const& e : std::filesystem::recursive_directory_iterator(source_root() + "/" + top)) {
            auto const path = std::filesystem::relative(e.path(), source_root()).string();
            if (!(path.ends_with(".cpp") || path.ends_with(".hpp")) || !in_room(path, rooms)) continue;
            auto const text = read_file(e.path().string());
            auto const is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
            for (auto at = text.begin(); at != text.end();) {
                auto const begin = std::find_if(at, text.end(), is_part);
                at = std::find_if_not(begin, text.end(), is_part);
                out.emplace(std::string(begin, at), path);
            }
        }
    return out;
}

}  // namespace

TEST_CASE("names that were replaced are not used again") {
    std::map<std::vector<std::string> const*, std::map<std::string, std::string>> words;
    std::size_t count = 0;
    for (auto const& old : replaced()) {
        auto const [known, unread] = words.try_emplace(&old.rooms);
        if (unread) known->second = words_of(old.rooms);
        count += known->second.size();
        std::regex const pattern(old.pattern);
        for (auto const& [word, path] : known->second)
            if (std::regex_match(word, pattern)) FAIL_CHECK(path << " has " << word << ": now " << old.by);
    }
    CHECK(count > 1000 * replaced().size());
}

TEST_CASE("a replaced name would be found") {
    auto const words = words_of({"tests/house/words_test.cpp"});
    CHECK(words.at("Roster") == "tests/house/words_test.cpp");
    CHECK(words.contains("add_gauges"));
    CHECK_FALSE(words.contains(std::string("ad") + "d"));
}
