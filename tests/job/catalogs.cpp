// The catalogs of drivers and expanders with the test kind: the product's lines and one more each. Linked in their
// place.
#define all_drivers product_drivers
#include "drivers/catalog.cpp"
#undef all_drivers
#define expanders product_expanders
#include "reconciler/plan/expanders.cpp"
#undef expanders
#include "tests/job/driver.hpp"

namespace genesis {

namespace {

Expansion expand_job(View const& view) {
    auto const wanted = decode_trusted<test::JobObject>(view.spec);
    Expansion out;
    out.records[{"job_run", wanted.name.str()}] = encode(test::JobRun{wanted});
    return out;
}

}  // namespace

std::vector<std::unique_ptr<AnyDriver>> all_drivers(NodeLayout const& layout, DriverSettings const& settings);
std::vector<std::unique_ptr<AnyDriver>> all_drivers(NodeLayout const& layout, DriverSettings const& settings) {
    auto out = product_drivers(layout, settings);
    out.push_back(bind("job", test::JobRunDriver(layout.state)));
    return out;
}

std::span<Expander const> expanders();
std::span<Expander const> expanders() {
    static std::vector<Expander> const list = [] {
        std::vector<Expander> all(product_expanders().begin(), product_expanders().end());
        all.push_back({"job", expand_job, nullptr, nullptr});
        return all;
    }();
    return list;
}

}  // namespace genesis
