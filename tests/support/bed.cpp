// Puts the test bed together.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

namespace genesis::test {

Bed::Bed(ReconcilerSettings s, Patience p, std::vector<std::unique_ptr<AnyDriver>> d)
    : drivers(std::move(d)), settings(std::move(s)), patience(p) {
    if (drivers.empty()) drivers = memory_drivers(world);
    restart();
}

void Bed::restart() {
    reconciler.reset();
    executor.reset();
    store.reset();
    store = std::make_unique<SqliteStore>(root / "store.db", "test", Vault::open(root / "vault.key"), clock);
    std::vector<AnyDriver*> all;
    for (auto const& d : drivers) all.push_back(d.get());
    executor = std::make_unique<Executor>(all, *store, clock, log, patience);
    reconciler = std::make_unique<Reconciler>(*store, *store, *executor, clock, log, settings);
}

std::string Bed::apply(std::string const& yaml) {
    auto documents = parse_yaml(yaml);
    std::string out;
    auto say = [&](Problems const& problems) {
        for (auto const& p : problems) out += "  " + p.code + " " + p.path + " " + p.text + "\n";
    };
    if (!documents) {
        say(documents.error().problems);
        return out;
    }
    for (auto const& d : *documents) {
        auto spec = read_spec(d.value);
        if (!spec) {
            out += "invalid\n";
            say(spec.error().problems);
            continue;
        }
        auto const ref = std::string(spec->kind->schema->kind) + "/" + spec->name;
        auto result = admit({*store, reserved}, *spec, {});
        if (!result) {
            out += "refused " + ref + " " + result.error().code + ": " + result.error().text + "\n";
            say(result.error().problems);
            continue;
        }
        out += std::string(result->how == Wrote::created   ? "created"
                           : result->how == Wrote::changed ? "changed"
                                                           : "unchanged") +
               " " + ref + " generation " + std::to_string(result->generation) + "\n";
    }
    return out;
}

Written Bed::put(std::string const& yaml) {
    auto documents = parse_yaml(yaml);
    REQUIRE(documents.has_value());
    REQUIRE(documents->size() == 1);
    auto spec = read_spec(documents->front().value);
    if (!spec)
        for (auto const& p : spec.error().problems) UNSCOPED_INFO(p.path << " " << p.text);
    REQUIRE(spec.has_value());
    auto result = admit({*store, reserved}, *spec, {});
    if (!result) UNSCOPED_INFO(result.error().code << " " << result.error().text);
    REQUIRE(result.has_value());
    return *result;
}

int Bed::settle(int most) {
    for (int passes = 1; passes <= most; ++passes)
        if (pass().steps == 0) return passes;
    FAIL("still working after " << most << " passes");
    return most;
}

Status Bed::status(Ref const& object) {
    auto stored = store->find(object);
    REQUIRE(stored.has_value());
    return reconciler->board().status(*stored);
}

bool Bed::ready(Ref const& object) {
    for (auto const& c : status(object).conditions)
        if (c.type == "ready") return c.status == "true";
    return false;
}

std::string standard_account(std::string const& name, std::string const& domain) {
    return "kind: account\nname: " + name + "\nsites:\n  - domain: " + domain + "\n    aliases: [www." + domain +
           "]\n    php: {version: \"8.2\"}\n    https: {redirect: true}\n  - domain: static." + domain +
           "\n    php: none\n    tls: {mode: none}\ndatabases:\n  - name: shop\n    users:\n      - {name: web, "
           "password: "
           "correct-horse-1, privileges: all}\n      - {name: report, password: correct-horse-2, privileges: read}\n"
           "ssh: {access: sftp}\n";
}

}  // namespace genesis::test
