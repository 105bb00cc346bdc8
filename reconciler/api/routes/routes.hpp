// The table of routes: routing, the checks of parameters and the OpenAPI document are made from it.
#pragma once
#include "reconciler/api/auth/identity.hpp"
#include "reconciler/api/engine.hpp"
#include "reconciler/api/listener_status.hpp"
#include "reconciler/api/target.hpp"
#include "reconciler/cache/cache.hpp"
#include "reconciler/store/admission.hpp"
#include "reconciler/store/keys.hpp"
#include "reconciler/store/ledger.hpp"
#include "reconciler/store/trail.hpp"
#include "reconciler/telemetry/metrics.hpp"

#include <functional>
#include <span>

namespace genesis {

struct ApiSettings {
    std::string node = "localhost";
    std::string socket;                      // its path, for /v1/info
    std::optional<std::uint32_t> admin_gid;  // the group that may use the socket beside root
    std::string version = GENESIS_VERSION;
};

// What handlers work with. Handlers keep no state.
struct Service {
    Objects& store;
    Ledger& ledger;
    Keys& keys;
    Trail& trail;
    Admission const& admission;
    Engine& engine;
    ApiSettings settings;
    Log& log;
    Clock const& clock;
    Metrics* metrics = nullptr;                 // optional
    ListenerStatus const* listening = nullptr;  // optional; for /v1/info and /readyz
    Cache* cache = nullptr;                     // optional; of lists
    // Optional: what is wrong with the spec files, one sentence each. Called on any thread.
    std::function<std::vector<std::string>()> spec_problems{};
};

// An authenticated request that matched a route.
struct Call {
    Request const& request;
    Actor& actor;                      // for the store, which consumes its nonce together with a write
    ObjectKind const* kind = nullptr;  // {kind} of the path
    std::string name{};                // {name} of the path
    std::map<std::string, std::string, std::less<>> query{};

    [[nodiscard]] Ref ref() const { return {std::string(kind->schema->kind), name}; }
    [[nodiscard]] bool flag(std::string_view parameter) const;
};

// Who may use a route. `local` is root and the administrators' group over the unix socket, no key whatever its scopes:
// keys are made, rotated and revoked there only, so that a stolen key cannot make a successor that outlives its
// revocation or revoke its owner's, and no new secret crosses a network.
enum class RequiredScope { read, write, admin, local };  // write: of the kind in the path

// Where a handler runs, so that a slow request delays only requests of its own lane.
enum class Lane {
    connection,  // on the connection's executor: the handler reads little and blocks on nothing
    reads,       // on threads for reads
    writes,      // on threads for writes; most of them wait for a commit
    probes,      // on threads that /healthz and /metrics do not share with anything slow
    plans,       // on threads that wait for the loop; bounded, and 503 beyond
};

struct Parameter {
    enum Type { boolean, integer, name } type;
    std::string_view key, doc;
    std::int64_t min = 1, max = 1000;  // of an integer
};

// A function that returns the answer, or one that returns at once and passes the answer to a completion when the store
// has committed. The arguments of the second live until then.
struct Handler {
    using Returns = Answer (*)(Service const&, Call const&);
    using Completes = void (*)(Service const&, Call const&, Completion<Answer>);
    constexpr Handler() = default;
    constexpr Handler(Returns function) : returns(function) {}      // NOLINT(google-explicit-constructor)
    constexpr Handler(Completes function) : completes(function) {}  // NOLINT(google-explicit-constructor)
    explicit constexpr operator bool() const { return returns != nullptr || completes != nullptr; }
    Returns returns = nullptr;
    Completes completes = nullptr;
};

// When a request's nonce is consumed.
enum class NonceUse { before, with_write };  // by the dispatcher; by the handler in the transaction of its write

struct Route {
    std::string_view method, path;  // "/v1/{kind}/{name}/plan"
    std::string_view id, doc;       // operationId (with {Kind}) and summary
    Handler handle{};
    Lane lane{};
    Handler dry_run{};  // takes the place of `handle` with ?dry_run=true, in Lane::plans
    RequiredScope scope = RequiredScope::read;
    NonceUse nonce = NonceUse::before;
    std::string_view answer{};  // the component schema of its 200, "{kind}" for the kind's own
    std::span<Parameter const> parameters{};
    bool spec = false;         // its body is a spec of the kind
    bool conditional = false;  // If-Match is heeded
    std::string_view takes{};  // the component schema of a body that is no spec; it may be left out
    bool accepted = false;     // answers 202 where something is to be done
};
std::span<Route const> routes();

// OpenAPI 3.1 of the routes and the kinds: pure, the same every time.
json::object openapi();

}  // namespace genesis
