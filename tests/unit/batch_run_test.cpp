// What becomes of the steps of a batch whose time is over.
#include "reconciler/run/batch_run.hpp"

#include "tests/support/fake_clock.hpp"

#include <catch2/catch.hpp>

#include "drivers/unix/kinds.hpp"

using namespace genesis;

namespace {

struct Nothing final : Journal {
    void intend(std::span<AnyStep const> /*steps*/, std::span<std::string const> /*causes*/) override {}
    void record(std::span<AnyStep const> /*steps*/, std::span<Outcome const> outcomes) override {
        recorded.assign(outcomes.begin(), outcomes.end());
    }
    std::vector<Outcome> recorded;
};

// Takes as long as it is given for what it is asked first.
struct Slow final : AnyDriver {
    [[nodiscard]] std::string_view name() const override { return "slow"; }
    [[nodiscard]] std::vector<Schema const*> kinds() const override {
        return {&schema_of<UnixUser>(), &schema_of<Directory>()};
    }
    [[nodiscard]] KindTraits traits(std::string_view /*kind*/) const override { return {}; }
    Observation observe(std::string_view /*kind*/, Scope const& /*scope*/, Context& /*context*/) override { return {}; }
    std::vector<Outcome> apply(std::span<AnyStep const> steps, Context& context) override {
        applied.emplace_back(steps.front().ref.kind);
        for (;;) context.check();
    }
    CommitResult commit(Context& /*context*/) override { return {}; }
    std::vector<std::string> applied;
};

}  // namespace

TEST_CASE("what a driver was at when the time of a batch was over has failed; what it had not begun has not") {
    Slow driver;
    Nothing journal;
    test::FakeClock const clock;
    test::ListLog log;
    BatchRun batch;
    for (auto const* kind : {"unix_user", "directory", "directory"}) {
        AnyStep step;
        step.ref = {kind, "x"};
        batch.steps.push_back(step);
        batch.causes.emplace_back();
    }
    Context context{{}, clock.steady() + std::chrono::milliseconds(20), clock, log};
    run_batch(driver, batch, journal, context);
    CHECK(driver.applied == std::vector<std::string>{"unix_user"});
    REQUIRE(journal.recorded.size() == 3);
    CHECK(journal.recorded[0].how == Outcome::retry);
    CHECK(journal.recorded[1].how == Outcome::in_progress);
    CHECK(journal.recorded[2].how == Outcome::in_progress);
    CHECK(batch.fault.empty());
}
