// The directory of spec files: what a file says is stored, what is wrong with it is reported, and what it no longer
// names ends.
#include "reconciler/run/spec_directory.hpp"

#include "reconciler/app/engine.hpp"
#include "tests/support/lowered_limit.hpp"
#include "tests/support/served.hpp"
#include "tests/support/tmp_root.hpp"

#include <unistd.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace genesis;
using namespace genesis::test;

namespace {

struct Files {
    void write(std::string const& name, std::string const& text) const { std::ofstream(path() + "/" + name) << text; }
    void erase(std::string const& name) const { std::filesystem::remove(path() + "/" + name); }
    [[nodiscard]] std::string const& path() const { return directory.path(); }
    [[nodiscard]] std::optional<Object> object(std::string const& name) const {
        return bed.store->find({"account", name});
    }
    [[nodiscard]] bool ends(std::string const& name) const { return object(name).value().terminating.has_value(); }

    TmpRoot directory;
    Bed bed;
    std::vector<Ref> woken;
    SpecDirectory specs{
        directory.path(), {*bed.store, bed.reserved}, {2}, bed.log, [this](Ref const& ref) { woken.push_back(ref); }};
};

std::string account(std::string const& name, std::string const& more = "") {
    return "kind: account\nname: " + name + "\n" + more + "---\n";
}

}  // namespace

TEST_CASE("the objects of a spec file are stored and woken, and what did not change is not woken again") {
    Files f;
    f.write("a.yaml", account("acme") + account("beta"));
    f.write(".hidden.yaml", account("hidden"));
    f.write("notes.txt", "no spec");
    f.specs.sync();
    CHECK(f.woken == std::vector<Ref>{{"account", "acme"}, {"account", "beta"}});
    CHECK_FALSE(f.object("hidden"));
    f.write("a.yaml", account("acme") + account("beta", "state: suspended\n"));
    f.specs.sync();
    f.specs.sync();
    CHECK(f.woken.size() == 3);
    CHECK(f.woken.back() == Ref{"account", "beta"});
}

TEST_CASE("a file with a mistake is reported by file and line, and what it said before stays in force") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    f.write("a.yaml", account("beta") + "kind: account\nname: acme\nsites: nonsense\n");
    f.specs.sync();
    auto const problems = f.specs.problems();
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].file == "a.yaml");
    CHECK(problems[0].problem.line == 6);
    CHECK(problems[0].problem.path == "/sites");
    CHECK(describe(problems[0]).starts_with("a.yaml:6: account/acme: sites: "));
    CHECK_FALSE(f.ends("acme"));
    CHECK_FALSE(f.object("beta"));
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
}

TEST_CASE("what is wrong with the spec files stands in /v1/info, file by file, until it is mended") {
    Files f;
    Served const served(f.bed, [&] { return sentences(f.specs.problems()); });
    auto const said = [&] { return json::parse(served.ctl({"info", "-o", "json"})).at("spec_problems"); };
    CHECK(said() == json::array());
    f.write("a.yaml", account("acme") + "kind: account\nname: beta\nsites: nonsense\n");
    f.write("b.yaml", "kind: account\nname: gamma\ncontact: \"\x1b[31m\"\n");
    f.specs.sync();
    auto const problems = said();
    REQUIRE(problems.as_array().size() == 2);
    CHECK(std::string(problems.at(0).as_string()).starts_with("a.yaml:6: account/beta: sites: "));
    CHECK(std::string(problems.at(1).as_string()).starts_with("b.yaml:"));
    CHECK(served.ctl({"info"}).find("spec_problems:\n  a.yaml:6: account/beta: sites: ") != std::string::npos);
    f.write("a.yaml", account("acme"));
    f.erase("b.yaml");
    f.specs.sync();
    CHECK(said() == json::array());
}

TEST_CASE("a file that names an object twice is wrong, also beside one that the store refuses") {
    Files f;
    f.write("a.yaml", account("taken", "sites: [{domain: taken.example}]\n"));
    f.specs.sync();
    f.write("b.yaml", account("acme", "contact: one@acme.example\n") + account("acme", "contact: two@acme.example\n") +
                          account("beta", "sites: [{domain: taken.example}]\n"));
    f.specs.sync();
    auto const problems = f.specs.problems();
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].problem.code == "duplicate");
    CHECK(problems[0].problem.line == 6);
    CHECK_FALSE(f.object("acme"));
    CHECK_FALSE(f.object("beta"));
}

TEST_CASE("an object ends when its file no longer names it, but not when more end at once than may") {
    Files f;
    f.write("one.yaml", account("acme"));
    f.write("three.yaml", account("beta") + account("gamma") + account("delta"));
    f.specs.sync();
    f.erase("one.yaml");
    f.specs.sync();
    CHECK(f.ends("acme"));
    f.erase("three.yaml");
    f.specs.sync();
    CHECK_FALSE((f.ends("beta") || f.ends("gamma") || f.ends("delta")));
    REQUIRE(f.specs.problems().size() == 1);
    auto const said = describe(f.specs.problems().front());
    CHECK(said.starts_with("three.yaml: 3 objects are in no spec file any more, more than 2 (max_removals)"));
    CHECK(said.find("genesisctl take-over account/beta && genesisctl delete account/beta") != std::string::npos);
    f.write("three.yaml", account("beta") + account("gamma") + account("delta"));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
}

TEST_CASE(
    "a name that one account of the spec files gives up goes to the one that takes it, in whatever order they are") {
    Files f;
    auto const site = [](std::string const& domain) { return "sites: [{domain: " + domain + "}]\n"; };
    f.write("a.yaml", account("acme", site("a.example")) + account("beta", site("b.example")));
    f.write("z.yaml", account("zeta", site("z.example")));
    f.specs.sync();
    f.write("a.yaml", account("acme", site("b.example")) + account("beta", site("z.example")));
    f.specs.sync();
    auto const problems = f.specs.problems();
    REQUIRE(problems.size() == 2);
    CHECK(describe(problems[1]) == "a.yaml:7: account/beta: sites[0].domain: z.example is used by another account");
    f.write("z.yaml", account("zeta"));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
    auto const domain = [&](std::string const& name) {
        return f.object(name).value().spec.at("sites").at(0).at("domain").as_string();
    };
    CHECK(domain("acme") == "b.example");
    CHECK(domain("beta") == "z.example");
}

TEST_CASE("an object whose file is renamed, or that moves to another file, goes on as it was") {
    Files f;
    f.write("a.yaml", account("acme") + account("beta"));
    f.write("m.yaml", account("zeta"));
    f.specs.sync();
    std::filesystem::rename(f.path() + "/a.yaml", f.path() + "/b.yaml");
    f.specs.sync();
    CHECK(f.specs.problems().empty());
    CHECK_FALSE(f.ends("acme"));
    CHECK(f.object("acme")->source == "file:b.yaml");
    CHECK(f.object("acme")->generation == 1);
    std::filesystem::rename(f.path() + "/b.yaml", f.path() + "/0.yaml");
    f.write("m.yaml", account("zeta") + account("beta"));
    f.write("0.yaml", account("acme"));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
    CHECK_FALSE(f.ends("beta"));
    CHECK(f.object("beta")->source == "file:m.yaml");
    CHECK(f.object("acme")->source == "file:0.yaml");
}

TEST_CASE("an object that was ending when its file was found under another name is there again") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    f.erase("a.yaml");
    f.specs.sync();
    REQUIRE(f.ends("acme"));
    f.write("b.yaml", account("acme"));
    f.specs.sync();
    CHECK_FALSE(f.ends("acme"));
    CHECK(f.specs.problems().empty());
}

TEST_CASE("while a spec file is not good no object ends that no file names, for it may stand there") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    f.erase("a.yaml");
    f.write("b.yaml", account("acme", "sites: 3\n"));
    f.specs.sync();
    CHECK_FALSE(f.ends("acme"));
    REQUIRE(f.specs.problems().size() == 2);
    CHECK(describe(f.specs.problems()[1]) ==
          "b.yaml: 1 objects are in no spec file any more; none is removed until this file is good");
    f.write("b.yaml", account("acme"));
    f.specs.sync();
    CHECK_FALSE(f.ends("acme"));
    CHECK(f.specs.problems().empty());
}

TEST_CASE("a spec file that has become empty is reported and ends nothing; its removal does") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.write("comment.yaml", "# nothing yet\n");
    f.specs.sync();
    CHECK(f.specs.problems().empty());
    for (auto const* const empty : {"", "# lost\n", "---\n---\n"}) {
        f.write("a.yaml", empty);
        f.specs.sync();
        CHECK_FALSE(f.ends("acme"));
        REQUIRE(f.specs.problems().size() == 1);
        CHECK(describe(f.specs.problems()[0]) == "a.yaml: says nothing any more; to end its objects remove the file");
    }
    f.erase("a.yaml");
    f.specs.sync();
    CHECK(f.ends("acme"));
}

TEST_CASE("a spec file that somebody is writing is read once that has ended") {
    Files f;
    f.write("a.yaml", account("acme") + account("beta"));
    f.specs.sync();
    {
        std::ofstream half(f.path() + "/a.yaml");
        half << account("acme") << std::flush;
        f.write("other.yaml", account("zeta"));
        f.specs.sync();
        CHECK(f.object("zeta").has_value());
        CHECK_FALSE(f.ends("beta"));
        CHECK(f.specs.problems().empty());
    }
    f.specs.sync();
    CHECK(f.ends("beta"));
}

TEST_CASE("an object ends when it has been in no file for a while, and not when its file is replaced in two steps") {
    Files f;
    SpecDirectory delayed(f.path(), {*f.bed.store, f.bed.reserved}, {2, std::chrono::milliseconds(60)}, f.bed.log,
                          [](Ref const&) {});
    f.write("a.yaml", account("acme"));
    delayed.sync();
    CHECK(delayed.next_sync() == std::chrono::minutes(1));
    f.erase("a.yaml");
    delayed.sync();
    CHECK_FALSE(f.ends("acme"));
    CHECK(delayed.next_sync() == std::chrono::milliseconds(60));
    f.write("a.yaml", account("acme"));
    delayed.sync();
    std::this_thread::sleep_for(std::chrono::milliseconds(70));
    f.erase("a.yaml");
    delayed.sync();
    CHECK_FALSE(f.ends("acme"));
    std::this_thread::sleep_for(std::chrono::milliseconds(70));
    delayed.sync();
    CHECK(f.ends("acme"));
    CHECK(delayed.next_sync() == std::chrono::minutes(1));
}

TEST_CASE("an empty directory in which no spec file was seen ends nothing: a file system may not be mounted there") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    TmpRoot const empty;
    SpecDirectory other(empty.path(), {*f.bed.store, f.bed.reserved}, {2}, f.bed.log, [](Ref const&) {});
    other.sync();
    CHECK_FALSE(f.ends("acme"));
    REQUIRE(other.problems().size() == 1);
    CHECK(describe(other.problems()[0]) ==
          empty.path() + ": 1 objects are in no spec file any more; none is removed, for no file was seen here");
    std::ofstream(empty.path() + "/b.yaml") << account("beta");
    other.sync();
    CHECK(f.ends("acme"));
}

TEST_CASE("a directory that cannot be read ends nothing") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    std::filesystem::rename(f.path(), f.path() + ".away");
    f.specs.sync();
    std::filesystem::rename(f.path() + ".away", f.path());
    CHECK_FALSE(f.ends("acme"));
}

TEST_CASE("a spec file that cannot be read, is a link to nothing or is too large is reported and ends nothing") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    auto const file = f.path() + "/a.yaml";
    SECTION("a link whose target is away") {
        f.erase("a.yaml");
        std::filesystem::create_symlink("away.yaml", file);
    }
    SECTION("no ordinary file") {
        f.erase("a.yaml");
        std::filesystem::create_directory(file);
    }
    SECTION("too large") { std::filesystem::resize_file(file, (16 << 20) + 1); }
    f.specs.sync();
    REQUIRE(f.specs.problems().size() == 1);
    CHECK(describe(f.specs.problems()[0]).starts_with("a.yaml: "));
    CHECK(f.specs.problems()[0].problem.code == "unreadable");
    CHECK_FALSE(f.ends("acme"));
    std::filesystem::remove_all(file);
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
    CHECK_FALSE(f.ends("acme"));
}

TEST_CASE("a spec file ends nothing while the daemon has no file descriptor left to open it") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    auto const free = dup(0);  // the lowest: the directory is listed with it, and none is left for the file
    close(free);
    {
        LoweredLimit const none(RLIMIT_NOFILE, static_cast<rlim_t>(free) + 1);
        f.specs.sync();
    }
    CHECK_FALSE(f.ends("acme"));
    REQUIRE(f.specs.problems().size() == 1);
    CHECK(describe(f.specs.problems()[0]) == "a.yaml: cannot be opened: Too many open files");
    f.specs.sync();
    CHECK(f.specs.problems().empty());
}

TEST_CASE("a spec file that was saved while the store could not write is in force once it can") {
    Files f;
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    f.write("a.yaml", account("acme", "contact: one@acme.example\n"));
    f.write("b.yaml", account("beta"));
    {
        LoweredLimit const full(RLIMIT_FSIZE, 1);
        f.specs.sync();
    }
    REQUIRE(f.specs.problems().size() == 1);
    CHECK(describe(f.specs.problems()[0]).starts_with("a.yaml: account/acme: the store cannot write: "));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
    CHECK(f.object("acme").value().spec.at("contact") == "one@acme.example");
    CHECK(f.object("beta"));
}

TEST_CASE("a watched directory is read when a file is written, and the watch ends at once") {
    Files f;
    std::atomic<bool> stored = false;
    SpecDirectory specs(f.path(), {*f.bed.store, f.bed.reserved}, {2}, f.bed.log, [&](Ref const&) {
        stored = true;
        stored.notify_all();
    });
    {
        SpecWatch const watch(f.path(), specs, f.bed.log);
        f.write("a.yaml", account("acme"));
        stored.wait(false);
    }
    CHECK(f.object("acme"));
}

TEST_CASE("a spec directory in whose place another is put is watched on") {
    Files f;
    std::atomic<int> woken = 0;
    auto const specs_path = f.path() + "/specs";
    std::filesystem::create_directory(specs_path);
    SpecDirectory specs(specs_path, {*f.bed.store, f.bed.reserved}, {2}, f.bed.log, [&](Ref const&) {
        ++woken;
        woken.notify_all();
    });
    SpecWatch const watch(specs_path, specs, f.bed.log);
    std::ofstream(specs_path + "/a.yaml") << account("acme");
    woken.wait(0);
    std::filesystem::create_directory(f.path() + "/next");
    std::ofstream(f.path() + "/next/a.yaml") << account("acme");
    std::ofstream(f.path() + "/next/b.yaml") << account("beta");
    std::filesystem::rename(specs_path, f.path() + "/former");
    std::filesystem::rename(f.path() + "/next", specs_path);
    woken.wait(1);
    std::ofstream(specs_path + "/c.yaml") << account("gamma");
    woken.wait(2);
    CHECK(f.object("gamma"));
    CHECK_FALSE(f.ends("acme"));
}
