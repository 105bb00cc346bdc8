// The directory of spec files: what a file says is stored, what is wrong with it is reported, and what it no longer
// names ends.
#include "reconciler/run/spec_directory.hpp"

#include "tests/support/bed.hpp"
#include "tests/support/tmp_root.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>

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
        directory.path(), {*bed.store, bed.reserved}, 2, bed.log, [this](Ref const& ref) { woken.push_back(ref); }};
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
    CHECK(problems[0].line == 4);
    CHECK(problems[0].problem.path == "/sites");
    CHECK(describe(problems[0]).starts_with("a.yaml, line 4, /sites: "));
    CHECK_FALSE(f.ends("acme"));
    CHECK_FALSE(f.object("beta"));
    f.write("a.yaml", account("acme"));
    f.specs.sync();
    CHECK(f.specs.problems().empty());
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

TEST_CASE("a watched directory is read when a file is written, and the watch ends at once") {
    Files f;
    std::atomic<bool> stored = false;
    SpecDirectory specs(f.path(), {*f.bed.store, f.bed.reserved}, 2, f.bed.log, [&](Ref const&) {
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
