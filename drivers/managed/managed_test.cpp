// A managed file's first line, and what is remembered of files.
#include "drivers/managed/read_once.hpp"
#include "drivers/managed/record_line.hpp"

#include "drivers/host/test_root.hpp"

using namespace genesis;

namespace {

struct Sample {
    AccountName name;
    std::int64_t size = 0;
    std::string state = "intact";
};

}  // namespace
template <>
struct genesis::Describe<Sample> {
    static constexpr std::string_view kind = "sample", doc = "A sample.";
    static constexpr auto fields = std::tuple{
        field("name", &Sample::name, "Its name.", Attribute::key),
        field("size", &Sample::size, "Its size."),
        field("state", &Sample::state, "Observed."),
    };
};

TEST_CASE("a record line gives its record back, without what was left out") {
    Sample sample{AccountName("acme"), 7, "line 3 differs"};
    auto const line = managed::record_line('#', sample, {"state"});
    CHECK(line == "# genesis {\"name\":\"acme\",\"size\":7}\n");
    auto const back = managed::read_record<Sample>(line + "and more\n");
    REQUIRE(back);
    CHECK(back->name == sample.name);
    CHECK(back->size == 7);
    CHECK(back->state == "intact");
    CHECK(managed::after_first_line(line + "and more\n") == "and more\n");
    CHECK(managed::after_first_line("no end").empty());
}

TEST_CASE("a first line that is ours but cannot be read is ours, and any other is not") {
    for (auto const* const text :
         {"# genesis {", "; genesis {\"name\":\"\"}\n", "# genesis \n", "# genesis {\"x\":1}\n"}) {
        CHECK(managed::is_ours(text));
        CHECK_FALSE(managed::read_record<Sample>(text));
    }
    for (auto const* const text :
         {"", "#", "# genesi", "[Slice]\n", "genesis {\"name\":\"acme\"}\n", "\n# genesis {}\n"}) {
        CHECK_FALSE(managed::is_ours(text));
        CHECK_FALSE(managed::read_record<Sample>(text));
    }
}

TEST_CASE("files are read again when one of them changed, and only then") {
    if (!host::can_run_as_root()) return;
    host::TestRoot root;
    managed::ReadOnce<std::string, 2> cache;
    int reads = 0;
    auto const look = [&] {
        return cache.get("pair", {root.dir.look("a"), root.dir.look("b")}, [&] {
            ++reads;
            auto const a = root.dir.read("a"), b = root.dir.read("b");
            return (a ? a->bytes : "-") + (b ? b->bytes : "-");
        });
    };
    CHECK(look() == "--");
    CHECK(look() == "--");
    CHECK(reads == 1);
    root.dir.write("a", "1", {0, 0, 0644});
    CHECK(look() == "1-");
    root.dir.write("b", "2", {0, 0, 0644});
    CHECK(look() == "12");
    CHECK(look() == "12");
    CHECK(reads == 3);
    root.dir.remove("a");
    CHECK(look() == "-2");
    cache.forget("pair");
    CHECK(look() == "-2");
    CHECK(reads == 5);
}
