// Every driver's example.yaml: a record of each of its kinds, as strict decoding takes it.
#include "drivers/catalog.hpp"
#include "resources/schema/document.hpp"
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

using namespace genesis;

namespace {

std::string listed(Problems const& problems) {
    std::string out;
    for (auto const& p : problems) out += p.path + ": " + p.text + "\n";
    return out;
}

}  // namespace

TEST_CASE("law: each driver has an example of each of its kinds, and every example is a valid record") {
    for (auto const& driver : all_drivers()) {
        auto const path = "drivers/" + std::string(driver->name()) + "/example.yaml";
        INFO(path);
        auto const documents = parse_yaml(test::read_file(test::source_root() + "/" + path));
        REQUIRE(documents.has_value());
        std::map<std::string, Schema const*> missing;
        for (auto const* schema : driver->kinds()) missing[std::string(schema->kind)] = schema;
        for (auto const& document : *documents) {
            auto record = document.value.as_object();
            auto const kind = std::string(record.at("kind").as_string());
            INFO(kind);
            auto const schema = missing.extract(kind);
            REQUIRE_FALSE(schema.empty());
            record.erase("kind");
            CHECK(listed(check(*schema.mapped(), record)) == "");
            CHECK_FALSE(key_of(*schema.mapped(), record).empty());
        }
        CHECK(missing.empty());
    }
}
