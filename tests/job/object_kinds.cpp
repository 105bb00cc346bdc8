// The catalog of objects with the test kind: the product's lines and one more. Linked in its place.
#define object_kinds product_kinds
#include "resources/catalog.cpp"
#undef object_kinds
#include "tests/job/kinds.hpp"

#include <vector>

namespace genesis {

std::span<ObjectKind const> object_kinds();
std::span<ObjectKind const> object_kinds() {
    static std::vector<ObjectKind> const kinds = [] {
        std::vector<ObjectKind> all(product_kinds().begin(), product_kinds().end());
        all.push_back({.schema = &schema_of<test::JobObject>(), .plural = "jobs", .scope = "admin"});
        return all;
    }();
    return kinds;
}

}  // namespace genesis
