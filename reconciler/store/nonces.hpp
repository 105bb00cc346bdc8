// One-time numbers of signed requests, consumed in the transaction of what the request writes.
#pragma once
#include "reconciler/store/database.hpp"
#include "reconciler/store/actor.hpp"

namespace genesis {

// On the writing thread, inside its transaction.
class Nonces {
public:
    explicit Nonces(StoreDatabase& db) : db_(db) {}
    // False when the nonce was consumed before, or may have been. Nothing to consume is fine.
    bool consume(Actor* actor);

private:
    void prune(std::int64_t newest, std::int64_t horizon);
    StoreDatabase& db_;
};

}  // namespace genesis
