// Names that were replaced stay out of the rooms that no longer use them.
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>
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

struct Replaced {
    std::string pattern, by;  // ECMAScript, between word boundaries
    std::vector<std::string> const& rooms;
};

std::vector<Replaced> const& replaced() {
    static std::vector<Replaced> const all{
        {"Open?Door|Doors?|doors?_?", "Listener, listener", api},
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
        {"[Ww]hoever|[Ww]hatever came|what came of it|[Uu]n?told|told|tells?", "the noun", api},
        {"[Ss]trangers?", "unauthenticated, unmanaged", api},
        {"anew", "again", api},
    };
    return all;
}

bool in_room(std::string const& path, std::vector<std::string> const& rooms) {
    return std::any_of(rooms.begin(), rooms.end(), [&](auto const& room) { return path.starts_with(room); });
}

std::vector<std::string> sources() {
    std::vector<std::string> out;
    for (auto const* top : {"resources", "drivers", "reconciler", "tests"})
        for (auto const& e : std::filesystem::recursive_directory_iterator(source_root() + "/" + top))
            if (e.path().extension() == ".cpp" || e.path().extension() == ".hpp")
                out.push_back(std::filesystem::relative(e.path(), source_root()).string());
    std::sort(out.begin(), out.end());
    return out;
}

// "line: text" of the first match; empty if there is none.
std::string first_match(std::string const& text, std::regex const& pattern) {
    std::istringstream lines(text);
    std::string line;
    for (int n = 1; std::getline(lines, line); ++n)
        if (std::regex_search(line, pattern)) return std::to_string(n) + ": " + line;
    return {};
}

}  // namespace

TEST_CASE("names that were replaced are not used again") {
    std::string const none;
    for (auto const& word : replaced()) {
        std::regex const pattern("\\b(" + word.pattern + ")\\b");
        for (auto const& path : sources()) {
            if (!in_room(path, word.rooms)) continue;
            INFO(path << ": now " << word.by);
            CHECK(first_match(read_file(source_root() + "/" + path), pattern) == none);
        }
    }
}

TEST_CASE("a replaced name would be found") {
    CHECK_FALSE(first_match("// one\nclass Roster {", std::regex("\\b(Roster|roster_?)\\b")).empty());
    CHECK(first_match("class Rosters {", std::regex("\\b(Roster|roster_?)\\b")).empty());
}
