// What histories found in the engine, each reduced to what it takes.
#include "reconciler/store/admission.hpp"
#include "tests/simulation/history.hpp"
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::simulation;
using namespace std::chrono_literals;

namespace {

// A daemon whose calls are executed and answered one by one.
struct Bench {
    Bench() : machine(stage.clock, verdict), drivers(simulated_drivers(machine)) {
        stage.clock.set(Time(24h * 365 * 40));
        std::vector<AnyDriver*> all;
        for (auto const& driver : drivers) all.push_back(driver.get());
        daemon = std::make_unique<Daemon>(store(), store(), all, machine, stage.clock, log, verdict);
        rest();
    }
    SqliteStore& store() { return stage.disk.store(); }
    void put(std::string const& rest_of_spec = "", std::string const& name = "acme") {
        auto const text = R"({"kind": "account", "name": ")" + name + "\"" + rest_of_spec + "}";
        admit({store(), reserved}, read_spec(json::parse(text)).value(), {}).value();
    }
    void wake() {
        daemon->reconciler.wake(acme, true);
        pass(1s);
    }
    void pass(Steady::duration time) {
        stage.clock.advance(time);
        hear();
    }
    void hear() {
        for (auto const driver : std::exchange(daemon->completed, {})) daemon->reconciler.completed(driver);
        daemon->reconciler.advance();
    }
    // Executes and answers what there is, but not of this driver. False when there was nothing.
    bool run(std::string const& but = "") {
        bool any = false;
        for (auto const driver : daemon->calls.to_execute()) {
            if (drivers[driver]->name() == but) continue;
            any = true;
            daemon->calls.execute(driver);
            daemon->calls.answer(driver);
        }
        hear();
        return any;
    }
    void rest(std::string const& but = "") {
        for (int quiet = 0; quiet < 20; ++quiet) {
            if (run(but)) quiet = 0;
            pass(200ms);
        }
    }
    // For so long, while this driver neither answers nor counts as late.
    void run_without(std::string const& slow, std::chrono::milliseconds time = 500ms) {
        for (auto passed = 0ms; passed < time; passed += 50ms) {
            run(slow);
            pass(50ms);
        }
    }
    bool has(std::string const& kind, std::string const& key) { return machine.world.records.contains({kind, key}); }

    Ref const acme{"account", "acme"};
    Stage stage;
    Verdict verdict;
    test::ListLog log;
    test::FewReserved reserved;
    Machine machine;
    std::vector<std::unique_ptr<AnyDriver>> drivers;
    std::unique_ptr<Daemon> daemon;
};

std::string const with_database =
    R"(, "databases": [{"name": "shop", "users": [{"name": "web", "password": "correct-horse-1"}]}])";

std::string package_with(int tasks) {
    return "kind: package\nname: basic\nlimits: {tasks: " + std::to_string(tasks) + "}\n";
}

std::string account_with(std::string const& name, std::string const& domain) {
    return "kind: account\nname: " + name + "\n" + (domain.empty() ? "" : "sites:\n  - domain: " + domain + "\n");
}

}  // namespace

TEST_CASE("a question is answered while every driver hangs that it has asked") {
    Bench bench;
    int answers = 0;
    bench.daemon->reconciler.examine(std::nullopt, [&](Plan const&, std::exception_ptr const&) { ++answers; });
    bench.pass(4s);
    CHECK(answers == 1);
    bench.rest();
    CHECK(answers == 1);
}

TEST_CASE("an account does not wait for a driver that only another one of its pass needs") {
    Bench bench;
    bench.put();
    bench.put(with_database, "beta");
    for (auto const* name : {"acme", "beta"}) bench.daemon->reconciler.wake({"account", name}, true);
    bench.run_without("mariadb");
    CHECK(bench.has("unix_user", "acme"));
    CHECK(bench.daemon->reconciler.passes() <= 4);
    bench.rest();
    CHECK(bench.has("database", "beta_shop"));
    CHECK(bench.verdict.good());
}

TEST_CASE("an account that is put while everything is looked at does not wait for a driver that it does not need") {
    Bench bench;
    bench.put();
    bench.put(with_database, "beta");
    bench.daemon->reconciler.wake_all(true);
    bench.rest();
    bench.daemon->reconciler.wake_all(false);
    bench.run_without("mariadb", 50ms);
    bench.put(R"(, "sites": [{"domain": "one.example"}])");
    bench.daemon->reconciler.wake(bench.acme, false);
    bench.run_without("mariadb");
    CHECK(bench.has("site", "one.example"));
    bench.rest();
    CHECK(bench.verdict.good());
}

TEST_CASE("two changes of a package, one right after the other, are no failure of its accounts") {
    test::Bed bed;
    bed.put(package_with(100));
    bed.put(account_with("acme", "") + "package: basic\n");
    bed.converge();
    for (int tasks : {101, 102}) {
        bed.put(package_with(tasks));
        CHECK(bed.pass(Dirty{{"package", "basic"}}).steps == 1);
    }
    for (auto const& row : bed.store->records()) CHECK(row.error.empty());
    CHECK(bed.record("slice", "genesis-acme").at("tasks") == 102);
}

TEST_CASE("a domain that goes from one account to another has its site there, whichever of the two is looked at next") {
    test::Bed bed;
    Ref const acme{"account", "acme"}, beta{"account", "beta"};
    bed.put(account_with("acme", "one.example"));
    bed.converge();
    bed.put(account_with("acme", ""));
    bed.put(account_with("beta", "one.example"));
    bed.pass(Dirty{beta});
    bed.pass(Dirty{acme});
    bed.pass(Dirty{acme});
    bed.pass(Dirty{beta});
    CHECK(bed.record("site", "one.example").at("owner") == "beta");
    CHECK(bed.world.records.contains({"certificate", "one.example"}));
    CHECK(bed.ready(beta));
    for (auto const& row : bed.store->records())
        if (row.ref.key == "one.example") CHECK(row.object == beta);
    bed.store->remove(acme, true, "api").value();
    for (int i = 0; i < 4; ++i) bed.pass(Dirty{acme});
    CHECK_FALSE(bed.store->find(acme));
    CHECK(bed.record("site", "one.example").at("owner") == "beta");
}

TEST_CASE("an account that is put again while the last of it is seen to be gone stays") {
    Bench bench;
    bench.put();
    bench.wake();
    bench.rest();
    bench.store().remove(bench.acme, true, "api").value();
    bench.wake();
    while (!bench.machine.world.records.empty()) {
        bench.run();
        bench.pass(100ms);
    }
    bench.store().remove(bench.acme, false, "api").value();
    bench.put();
    bench.rest();
    REQUIRE(bench.store().find(bench.acme));
    bench.wake();
    bench.rest();
    CHECK(bench.has("unix_user", "acme"));
}

TEST_CASE("what a late driver makes while its account is observed is not taken to be gone") {
    Bench bench;
    bench.put(R"(, "sites": [{"domain": "one.example"}])");
    bench.wake();
    for (int i = 0; i < 3; ++i) bench.run(i > 0 ? "tls" : "");  // tls has been asked, and is to make the certificate
    bench.pass(4s);
    bench.rest("tls");
    bench.put();
    bench.wake();  // looks at the account, of which nothing is known to be in tls
    bench.run("unix");
    CHECK(bench.has("certificate", "one.example"));
    bench.rest();
    CHECK_FALSE(bench.has("certificate", "one.example"));
    CHECK(bench.verdict.good());
}

TEST_CASE("an account is not forgotten while a late driver still makes something for it") {
    Bench bench;
    bench.put(with_database);
    bench.wake();
    for (int i = 0; i < 3; ++i) bench.run(i > 0 ? "mariadb" : "");
    bench.pass(4s);
    bench.rest("mariadb");
    bench.store().remove(bench.acme, true, "api").value();
    bench.wake();
    bench.rest("mariadb");
    CHECK(bench.store().find(bench.acme));
    bench.rest();
    CHECK(bench.machine.world.records.empty());
    CHECK_FALSE(bench.store().find(bench.acme));
    CHECK(bench.store().records().empty());
}

TEST_CASE("what an account asks for while it is observed is looked for before it is made") {
    Bench bench;
    auto const& database = simulated_kinds().at("database");
    bench.machine.make_unmanaged({"database", "acme_shop"}, *database.schema, Ownership::journalled);
    auto const before = bench.machine.world.records.at({"database", "acme_shop"});
    bench.put();
    bench.wake();
    bench.put(with_database);
    bench.daemon->reconciler.examine(bench.acme, [](Plan const&, std::exception_ptr const&) {});  // reads it
    bench.rest();
    CHECK(bench.has("unix_user", "acme"));
    CHECK(bench.has("db_user", "acme_web"));
    CHECK(bench.machine.world.records.at({"database", "acme_shop"}) == before);
}

TEST_CASE("what had to wait for a record of another account is done once that is as wanted, without a full pass") {
    test::Bed bed;
    Ref const acme{"account", "acme"}, cora{"account", "cora"};
    bed.put(account_with("acme", "two.example") + "    php: {version: \"8.2\"}\n");
    bed.converge();
    bed.put(account_with("acme", ""));
    bed.put(account_with("cora", "two.example") + "    php: {version: \"8.2\"}\n");
    bed.world.fail["php_fpm"] = 1;
    bed.pass();  // no PHP of the new account, so its site stays as it is, so PHP of the old one stays
    CHECK(bed.world.records.contains({"php_service", "acme-8.2"}));
    CHECK_FALSE(bed.reconciler->pending().contains(acme));
    bed.clock.advance(1min);
    for (int i = 0; i < 3; ++i) bed.pass(Dirty{cora});
    CHECK(bed.ready(cora));
    CHECK(bed.reconciler->pending().contains(acme));
    bed.pass(Dirty{acme});
    CHECK_FALSE(bed.world.records.contains({"php_service", "acme-8.2"}));
}

TEST_CASE("an account that is paused just before its data is removed is free, though that was the last step of all") {
    Bench bench;
    bench.put(with_database);
    bench.wake();
    bench.rest();
    bench.store().remove(bench.acme, true, "api").value();
    bench.wake();
    bench.run();  // everything is observed
    bench.run_without("mariadb", 1s);
    REQUIRE_FALSE(bench.has("unix_user", "acme"));
    (void)bench.store().set_paused(bench.acme, true);
    while (bench.run()) continue;
    CHECK(bench.has("database", "acme_shop"));
    CHECK_FALSE(bench.daemon->reconciler.in_flight(bench.acme));
    (void)bench.store().set_paused(bench.acme, false);
    bench.wake();
    bench.rest();
    CHECK(bench.machine.world.records.empty());
    CHECK(bench.verdict.good());
}

TEST_CASE("a name that was woken and under which nothing is stored does not wait for ever") {
    test::Bed bed;
    bed.reconciler->wake({"account", "nobody"}, false);
    bed.pass();
    CHECK(bed.reconciler->pending().empty());
}
