// Names that were replaced stay out of the rooms that no longer use them.
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
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

std::vector<std::string> const all_rooms{"README.md", "drivers/", "resources/", "reconciler/", "tests/"};
// A client that nobody knows is what these send.
std::vector<std::string> const without_clients{
    "README.md",    "drivers/",       "resources/",      "reconciler/",     "tests/bench/",
    "tests/fault/", "tests/job/",     "tests/lab/",      "tests/real/",     "tests/run",
    "tests/unit/",  "tests/support/", "tests/contract/", "tests/scenario/", "tests/simulation/"};
// Programs for tests, and tests of text: of their C++ the comments are read, the rest has names of its own.
std::vector<std::string> const only_comments{"tests/attack/", "tests/bench/", "tests/clients/",
                                             "tests/fuzz/",   "tests/house/", "tests/job/"};
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
        {"[Ss]trangers?_?", "unauthenticated, unmanaged", without_clients},
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

// C++, shell, SQL, units, PHP and the README; what a fuzzer made is not read.
bool is_read(std::filesystem::path const& path) {
    static std::vector<std::string> const endings{"",     ".cpp",     ".hpp", ".sh", ".test",
                                                  ".sql", ".service", ".php", ".md"};
    return std::find(endings.begin(), endings.end(), path.extension()) != endings.end() &&
           !path.string().starts_with("tests/fuzz/corpus/");
}

std::string comments_of(std::string const& text) {
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (auto const at = line.find("//"); at != std::string::npos) out += line.substr(at) + '\n';
    return out;
}

std::string text_of(std::filesystem::path const& path) {
    auto text = read_file(source_root() + "/" + path.string());
    bool const cpp = path.extension() == ".cpp" || path.extension() == ".hpp";
    return cpp && in_room(path.string(), only_comments) ? comments_of(text) : text;
}

std::vector<std::filesystem::path> files() {
    std::vector<std::filesystem::path> out{"README.md"};
    for (auto const* top : {"resources", "drivers", "reconciler", "tests"})
        for (auto const& e : std::filesystem::recursive_directory_iterator(source_root() + "/" + top))
            if (auto path = std::filesystem::relative(e.path(), source_root()); e.is_regular_file() && is_read(path))
                out.push_back(std::move(path));
    return out;
}

// Adds each word of a text, with the file that has it.
void add_words(std::string const& text, std::string const& path, std::map<std::string, std::string>& out) {
    auto const is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    for (auto at = text.begin(); at != text.end();) {
        auto const begin = std::find_if(at, text.end(), is_part);
        at = std::find_if_not(begin, text.end(), is_part);
        out.emplace(std::string(begin, at), path);
    }
}

// Each word of the rooms, with a file that has it.
std::map<std::string, std::string> words_of(std::vector<std::string> const& rooms) {
    std::map<std::string, std::string> out;
    for (auto const& path : files())
        if (in_room(path.string(), rooms)) add_words(text_of(path), path.string(), out);
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
    std::map<std::string, std::string> words;
    add_words("struct Roster { int add_gauges; };  // doors", "a.hpp", words);
    CHECK(words.at("Roster") == "a.hpp");
    CHECK(words.contains("add_gauges"));
    CHECK(words.contains("doors"));
    CHECK_FALSE(words.contains("add"));
    CHECK(comments_of("int a;  // one\nint b;\n// two\n") == "// one\n// two\n");
}

TEST_CASE("names are looked for in text of every kind") {
    auto const read = files();
    for (auto const* path :
         {"README.md", "tests/run", "tests/lab/lab", "tests/lab/package.test", "tests/fault/measure.sh",
          "tests/clients/load/puts.hpp", "tests/clients/php/client_test.php", "reconciler/quickstart",
          "reconciler/store/schema.sql", "reconciler/app/package/genesisd.service", "drivers/driver.hpp"}) {
        CAPTURE(path);
        CHECK(std::count(read.begin(), read.end(), path) == 1);
        CHECK(!words_of({path}).empty());
    }
}
