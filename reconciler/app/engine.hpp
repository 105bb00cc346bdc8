// Lets the API ask the loop, and shows what is wrong with the spec files.
#pragma once
#include "drivers/secrets/vault.hpp"
#include "reconciler/api/engine.hpp"
#include "reconciler/run/loop.hpp"
#include "reconciler/run/spec_directory.hpp"

namespace genesis {

class LoopEngine final : public Engine {
public:
    explicit LoopEngine(Loop& loop) : loop_(loop), run_(Vault::generate().reveal()) {}
    void wake(Ref const& object) override { loop_.wake(object, true); }
    void wake_all() override { loop_.wake_all(true); }
    std::future<Plan> plan(std::optional<Ref> const& object) override { return loop_.examine(object); }
    std::future<Plan> preview(Object const& object) override { return loop_.preview(object); }
    Status status(Object const& object) override { return loop_.status().status(object); }
    // The cache is this process's own, and begins again with it.
    std::optional<std::string> status_version() override {
        return run_ + "." + std::to_string(loop_.status().version());
    }
    std::vector<std::string> not_ready() override { return loop_.not_ready(); }

private:
    Loop& loop_;
    std::string const run_;  // letters that no other run has
};

// As /v1/info shows them.
inline std::vector<std::string> sentences(std::vector<SpecFileProblem> const& problems) {
    std::vector<std::string> out;
    for (auto const& problem : problems) out.push_back(describe(problem));
    return out;
}

}  // namespace genesis
