// The table of what may be asked: from it come routing, the checks of parameters and the OpenAPI document.
#pragma once
#include "reconciler/api/engine.hpp"
#include "reconciler/api/identity.hpp"
#include "reconciler/api/listening.hpp"
#include "reconciler/api/target.hpp"
#include "reconciler/cache/cache.hpp"
#include "reconciler/store/admission.hpp"
#include "reconciler/store/keys.hpp"
#include "reconciler/store/ledger.hpp"
#include "reconciler/store/trail.hpp"
#include "reconciler/telemetry/metrics.hpp"

#include <span>

namespace genesis {

struct ApiSettings {
    std::string node = "localhost";
    std::string socket;                      // its path, for /v1/info
    std::optional<std::uint32_t> admin_gid;  // the group that may use the socket beside root
    std::string version = GENESIS_VERSION;
};

// What handlers work with. They keep no state of their own.
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
    Metrics* metrics = nullptr;            // counts nothing without
    Listening const* listening = nullptr;  // for /v1/info and /readyz; null: nothing is told
    Cache* cache = nullptr;                // each list is made anew without
};

// A request that was authenticated and found its route.
struct Call {
    Request const& request;
    Origin& by;                        // for the store; its nonce is spent with what is written
    ObjectKind const* kind = nullptr;  // {kind} of the path
    std::string name{};                // {name} of the path
    std::map<std::string, std::string, std::less<>> query{};

    [[nodiscard]] Ref ref() const { return {std::string(kind->schema->kind), name}; }
    [[nodiscard]] bool flag(std::string_view parameter) const;
};

// Who may take a route: whoever may read, whoever may write the kind of its path, administrators, or only those who are
// on the server itself: root and the administrators' group over the unix socket, no key whatever its scopes. Keys are
// made, rotated and revoked there alone: a stolen key cannot make itself a successor that outlives its revocation, nor
// revoke its owner's, and no new secret crosses a network.
enum class Needs { read, write, admin, local };

struct Parameter {
    enum Type { boolean, integer, name } type;
    std::string_view key, doc;
    std::int64_t min = 1, max = 1000;  // of an integer
};

struct Route {
    std::string_view method, path;  // "/v1/{kind}/{name}/plan"
    Answer (*handle)(Service const&, Call const&);
    std::string_view id, doc;  // operationId (with {Kind}) and summary
    std::string_view answer;   // the component schema of its 200, "{kind}" for the kind's own
    std::span<Parameter const> parameters{};
    bool body = false;      // takes a spec
    bool accepted = false;  // answers 202 where something is to be done
    Needs needs = Needs::read;
    bool stores = false;       // its handler spends the nonce, in the transaction of what it writes
    std::string_view takes{};  // the component schema of a body that is no spec; it may be left out
    // Takes the place of handle(), save for a dry run: returns at once; what it is given lives until it is told.
    void (*begin)(Service const&, Call const&, Told<Answer>) = nullptr;
    bool quick = false;  // handle() looks at little and waits for nobody
};
std::span<Route const> routes();
// PUT and DELETE of an object.
bool takes_if_match(Route const& route);

// Spends the request's nonce where nothing that is written does. False when it was spent before.
bool spend(Service const& service, Origin& by);

struct Answered {
    Answer answer;
    std::string who{};  // empty when that could not be told
    std::optional<ReplyKey> reply{};
    std::int64_t keys = 0;        // of one who asks for events: their version before it was seen who that is
    std::optional<Time> until{};  // when his key ends
};

// Authenticates, then routes, then handles. Never throws: what goes wrong is an answer.
Answered answer(Service const& service, Authenticator const& authenticator, Request const& request,
                Connection const& connection);

// OpenAPI 3.1 of the routes and the kinds: pure, the same every time.
json::object openapi();

}  // namespace genesis
