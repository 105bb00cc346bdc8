// What is generated from the descriptions is committed, and current. GENESIS_ACCEPT=1 rewrites it.
#include "drivers/catalog.hpp"
#include "reconciler/api/routes/routes.hpp"
#include "reconciler/app/config.hpp"
#include "resources/catalog.hpp"
#include "tests/support/golden.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;

TEST_CASE("the JSON Schema of every kind is current") {
    for (auto const& kind : object_kinds())
        CHECK(compare_golden(source_root() + "/specs/schema/" + std::string(kind.schema->kind) + ".json",
                             pretty(json_schema(*kind.schema)) + "\n") == same);
}

TEST_CASE("openapi.json is current") {
    CHECK(compare_golden(source_root() + "/specs/openapi.json", pretty(openapi()) + "\n") == same);
}

TEST_CASE("the reference manual is current") {
    std::string manual =
        "# Reference\n\nGenerated from the descriptions in `resources/` and `drivers/*/kinds.hpp`; do not edit.\n"
        "A text that is not required may be left out or empty.\n\n# What you write\n\n";
    for (auto const& kind : object_kinds()) manual += markdown(*kind.schema) + "\n";
    manual += "# Configuration: /etc/genesis/genesis.yaml\n\n" + markdown(schema_of<Config>()) + "\n";
    manual += "# What a server has\n\nRecords: what `genesisctl plan`, `drift` and `describe` speak of.\n\n";
    for (auto const& driver : all_drivers({}))
        for (auto const* schema : driver->kinds()) manual += markdown(*schema) + "\n";
    CHECK(compare_golden(source_root() + "/specs/reference.md", manual) == same);
}
