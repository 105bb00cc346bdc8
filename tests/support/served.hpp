// The API of a test bed on a socket of its own, and genesisctl to ask it with.
#pragma once
#include "drivers/host/sockets.hpp"
#include "reconciler/api/http/server.hpp"
#include "reconciler/cli/cli.hpp"
#include "tests/support/bed.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

#include <sstream>

namespace genesis::test {

// Says what the bed's passes found. Those run when the test says so: nothing is woken, no plan is made.
class BedEngine final : public Engine {
public:
    explicit BedEngine(Bed& bed) : bed_(bed) {}
    void wake(Ref const&) override {}
    void wake_all() override {}
    std::future<Plan> plan(std::optional<Ref> const&) override { return {}; }
    std::future<Plan> preview(Object const&) override { return {}; }
    Status status(Object const& object) override { return bed_.cache->status(object); }
    std::vector<std::string> not_ready() override { return {}; }

private:
    Bed& bed_;
};

// The bed is not restarted while it is served.
class Served {
public:
    explicit Served(Bed& bed, std::function<std::vector<std::string>()> spec_problems = {})
        : socket_(bed.root / "api.sock"),
          engine_(bed),
          admission_{*bed.store, bed.reserved},
          peers_(::getegid()),
          api_({*bed.store,
                *bed.store,
                *bed.store,
                *bed.store,
                admission_,
                engine_,
                {},
                bed.log,
                bed.clock,
                nullptr,
                nullptr,
                nullptr,
                std::move(spec_problems)}) {
        api_.serve({host::listen_unix(socket_, ::getegid()).release(), &peers_, nullptr, "", {512, 512}});
    }
    // What genesisctl prints; it must succeed.
    [[nodiscard]] std::string ctl(std::vector<std::string> args) const {
        args.insert(args.begin(), {"--socket", socket_});
        std::istringstream in;
        std::ostringstream out, err;
        cli::Console console{.in = in, .out = out, .err = err, .terminal = false};
        auto const exit = cli::run(std::move(args), console);
        INFO(err.str());
        REQUIRE(exit == cli::fine);
        return out.str();
    }

private:
    std::string socket_;
    BedEngine engine_;
    Admission admission_;
    PeerCredentials peers_;
    ApiServer api_;
};

}  // namespace genesis::test
