// Asked of the machine before a lock is held, answered under it from memory.
#include "reconciler/store/free_numbers.hpp"

#include <algorithm>

namespace genesis {

bool FreeNumbers::is_free(std::int64_t number) {
    {
        std::lock_guard const lock(mutex_);
        auto const known = free_.find(number);
        if (known != free_.end() && clock_.steady() - known->second < good_for) return true;
    }
    if (!ask_(number)) return false;
    remember(number);
    return true;
}

void FreeNumbers::expect(std::int64_t next) {
    if (forget_old(next) && ask_(next)) remember(next);
    {
        std::lock_guard const lock(mutex_);
        next = asked_ = std::max(next, std::min(asked_ + 1, next + lead));
    }
    if (ask_(next)) remember(next);
}

// What was found for somebody who did not take it, a moment ago: useradd(8) may have given it meanwhile.
bool FreeNumbers::forget_old(std::int64_t number) {
    std::lock_guard const lock(mutex_);
    auto const known = free_.find(number);
    if (known == free_.end() || clock_.steady() - known->second < fresh_for) return false;
    free_.erase(known);
    return true;
}

void FreeNumbers::remember(std::int64_t number) {
    std::lock_guard const lock(mutex_);
    free_.erase(free_.begin(), free_.lower_bound(number - most));  // given long ago
    free_.insert_or_assign(number, clock_.steady());
}

}  // namespace genesis
