// One-time numbers of signed requests, spent in the transaction of what the request writes.
#pragma once
#include "reconciler/store/database.hpp"
#include "reconciler/store/origin.hpp"

namespace genesis {

// On the writing thread, inside its transaction.
class Nonces {
public:
    explicit Nonces(StoreDatabase& db) : db_(db) {}
    // False when the nonce was spent before, or may have been. Nothing to spend is fine.
    bool spend(Origin* by);

private:
    void prune(std::int64_t newest, std::int64_t horizon);
    StoreDatabase& db_;
};

}  // namespace genesis
