// Pruned by what was signed for, never by the clock: a clock that jumps forward forgets nothing.
#include "reconciler/store/nonces.hpp"

namespace genesis {
namespace {

// Twice the time a signature is good for, and a minute: nothing that may still be signed for is ever forgotten.
constexpr std::int64_t keep_seconds = 300, prune_every_seconds = 60;

}  // namespace

bool Nonces::consume(Actor* actor) {
    if (actor == nullptr || !actor->nonce) return true;
    auto const nonce = *actor->nonce;
    auto const horizon = db_.counter("nonce_horizon");
    if (nonce.ts <= horizon || Use(db_.sql().consume, db_.node(), nonce.ts, nonce.kid, nonce.value).run() == 0)
        return false;
    actor->nonce.reset();
    auto const newest = db_.counter("nonce_newest");
    if (nonce.ts <= newest) return true;
    db_.set_counter("nonce_newest", nonce.ts);
    prune(nonce.ts, horizon);
    return true;
}

void Nonces::prune(std::int64_t newest, std::int64_t horizon) {
    auto const next = newest - keep_seconds;
    if (next < horizon + prune_every_seconds) return;
    Use(db_.sql().forget_nonces, db_.node(), next).run();
    db_.set_counter("nonce_horizon", next);
}

}  // namespace genesis
