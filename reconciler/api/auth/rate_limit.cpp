// Token buckets, refilled when they are used.
#include "reconciler/api/auth/rate_limit.hpp"

#include <algorithm>

namespace genesis {

double TokenBuckets::tokens_at(Bucket const& bucket, Steady now) const {
    auto const passed = std::chrono::duration<double>(now - bucket.at).count();
    return std::min(burst_, bucket.tokens + std::max(0.0, passed) * per_second_);
}

// A full bucket is the same as none, so dropping the fullest loses least.
void TokenBuckets::drop_fullest(Steady now) {
    buckets_.erase(std::max_element(buckets_.begin(), buckets_.end(), [&](auto const& a, auto const& b) {
        return tokens_at(a.second, now) < tokens_at(b.second, now);
    }));
}

bool TokenBuckets::allow(std::string const& kid) {
    if (per_second_ <= 0) return true;
    auto const now = clock_.steady();
    std::lock_guard const lock(mutex_);
    auto it = buckets_.find(kid);
    if (it == buckets_.end()) {
        if (buckets_.size() >= most) drop_fullest(now);
        it = buckets_.emplace(kid, Bucket{burst_, now}).first;
    }
    auto& bucket = it->second;
    bucket = {tokens_at(bucket, now), now};
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
}

bool SharedLimits::allow(std::string const& kid) {
    if (size_.per_second <= 0) return true;
    return own_.allow(kid) && shared_.take("limit|" + kid, size_).value_or(true);
}

std::size_t TokenBuckets::size() {
    std::lock_guard const lock(mutex_);
    return buckets_.size();
}

}  // namespace genesis
