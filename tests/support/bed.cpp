// Puts the test bed together.
#include "tests/support/bed.hpp"

#include <catch2/catch.hpp>

namespace genesis::test {

namespace {

class InOrder final : public Workers {
public:
    explicit InOrder(std::vector<AnyDriver*> drivers) : drivers_(std::move(drivers)) {}
    [[nodiscard]] std::vector<AnyDriver*> const& drivers() const override { return drivers_; }
    void run(std::size_t driver, Job job, std::function<void()> ended) override {
        job(*drivers_[driver]);
        ended();
    }

private:
    std::vector<AnyDriver*> drivers_;
};

}  // namespace

Bed::Bed(ReconcilerSettings s, std::vector<std::unique_ptr<AnyDriver>> d, Calls calls)
    : drivers(std::move(d)), settings(std::move(s)), calls_(calls) {
    if (drivers.empty()) drivers = memory_drivers(world);
    restart();
}

Bed::~Bed() { workers.reset(); }

void Bed::restart() {
    workers.reset();
    reconciler.reset();
    completed_.clear();
    store.reset();
    store = std::make_unique<SqliteStore>(root / "store.db", node, Vault::open(root / "vault.key"), clock,
                                          server_ranges(), settings.kinds);
    std::vector<AnyDriver*> all;
    for (auto const& d : drivers) all.push_back(d.get());
    cache = std::make_unique<StatusCache>();
    if (calls_ == Calls::on_threads)
        workers = std::make_unique<ThreadWorkers>(all);
    else
        workers = std::make_unique<InOrder>(all);
    reconciler = std::make_unique<Reconciler>(*store, *store, *workers, *cache, clock, log, settings,
                                              [this](std::size_t driver) {
                                                  std::lock_guard const lock(mutex_);
                                                  completed_.push_back(driver);
                                                  arrived_.notify_all();
                                              });
}

void Bed::run() {
    while (reconciler->busy()) {
        std::vector<std::size_t> ended;
        {
            std::unique_lock lock(mutex_);
            auto const timer = reconciler->next_timer();
            auto const until = std::min(timer, clock.steady() + std::chrono::seconds(60));
            arrived_.wait_until(lock, until, [&] { return !completed_.empty(); });
            ended = std::exchange(completed_, {});
        }
        for (auto const driver : ended) reconciler->completed(driver);
        reconciler->advance();
    }
}

PassResult Bed::pass(std::optional<Dirty> const& scope) {
    auto const result = std::make_shared<PassResult>();  // later passes are reported there as well
    reconciler->on_pass([result](PassResult const& r) { *result = r; });
    reconciler->retry_drivers();
    reconciler->start(scope);
    run();
    reconciler->advance();  // remembers it
    return *result;
}

Plan Bed::examine(std::optional<Ref> const& object) {
    Plan out;
    reconciler->retry_drivers();
    reconciler->examine(object, [&](Plan plan, std::exception_ptr const& failure) {
        REQUIRE(!failure);
        out = std::move(plan);
    });
    run();
    return out;
}

Plan Bed::preview(Object const& object) {
    Plan out;
    reconciler->preview(object, [&](Plan plan, std::exception_ptr const& failure) {
        REQUIRE(!failure);
        out = std::move(plan);
    });
    run();
    return out;
}

std::vector<std::pair<AnyStep, Outcome>> Bed::execute(Plan const& plan) {
    std::vector<std::pair<AnyStep, Outcome>> out;
    PlanRun progress(plan);
    for (auto ready = progress.take_ready(); !ready.empty(); ready = progress.take_ready())
        for (auto const& driver : drivers) {
            BatchRun batch;
            for (auto const i : ready) {
                if (progress.at(i).driver != driver->name()) continue;
                batch.steps.push_back(progress.at(i).step);
                batch.causes.emplace_back(word_of(progress.at(i).cause));
            }
            if (batch.steps.empty()) continue;
            Context context{{}, clock.steady() + std::chrono::minutes(1), clock, log};
            run_batch(*driver, batch, *store, context);
            for (std::size_t i = 0; i < batch.steps.size(); ++i) out.emplace_back(batch.steps[i], batch.outcomes[i]);
            for (auto const i : ready)
                if (progress.at(i).driver == driver->name()) progress.ended(i, true);
        }
    return out;
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

int Bed::converge(int most) {
    for (int passes = 1; passes <= most; ++passes)
        if (pass().steps == 0) return passes;
    FAIL("still working after " << most << " passes");
    return most;
}

Status Bed::status(Ref const& object) {
    auto stored = store->find(object);
    REQUIRE(stored.has_value());
    return cache->status(*stored);
}

bool Bed::ready(Ref const& object) {
    for (auto const& c : status(object).conditions)
        if (c.type == ConditionType::ready) return c.status == Truth::yes;
    return false;
}

std::string standard_account(std::string const& name, std::string const& domain) {
    return "kind: account\nname: " + name + "\nsites:\n  - domain: " + domain + "\n    aliases: [www." + domain +
           "]\n    php: {version: \"8.2\"}\n    https: {redirect: true}\n  - domain: static." + domain +
           "\n    php: none\n    tls: {mode: none}\ndatabases:\n  - name: shop\n    users:\n      - {name: web, "
           "password: "
           "correct-horse-1, privileges: all}\n      - {name: report, password: correct-horse-2, privileges: read}\n"
           "ssh: {access: sftp}\ncron:\n  - {schedule: \"*/5 * * * *\", command: php ~/cron.php}\n";
}

}  // namespace genesis::test
