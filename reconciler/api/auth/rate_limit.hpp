// The rate limit of each key: a port, token buckets in memory, and buckets that several processes share.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/cache/cache.hpp"

#include <map>
#include <mutex>
#include <string>

namespace genesis {

struct RateLimits {
    virtual ~RateLimits() = default;
    // Counts one authenticated request of this key; false if it is over the limit. Any thread; must not throw.
    virtual bool allow(std::string const& kid) = 0;
    // Whether it asks another process.
    [[nodiscard]] virtual bool blocks() const { return false; }
};

// One bucket a key, of size `burst`, refilled with `per_second`. Zero per second is no limit.
class TokenBuckets final : public RateLimits {
public:
    TokenBuckets(Clock const& clock, std::int64_t per_second, std::int64_t burst)
        : clock_(clock), per_second_(static_cast<double>(per_second)), burst_(static_cast<double>(burst)) {}

    bool allow(std::string const& kid) override;
    [[nodiscard]] std::size_t size();  // buckets in memory; never more than `most`

    static constexpr std::size_t most = 1024;

private:
    struct Bucket {
        double tokens = 0;
        Steady at{};
    };
    void drop_fullest(Steady now);
    [[nodiscard]] double tokens_at(Bucket const& bucket, Steady now) const;

    Clock const& clock_;
    double const per_second_, burst_;
    std::mutex mutex_;
    std::map<std::string, Bucket> buckets_;
};

// One limit for all processes that use the same shared buckets. A bucket in memory comes first: a key over its limit
// costs no request to the shared cache, and it is the limit while that cache is unreachable. Zero per second is no
// limit.
class SharedLimits final : public RateLimits {
public:
    SharedLimits(Clock const& clock, SharedBuckets::Size size, SharedBuckets& shared)
        : own_(clock, size.per_second, size.burst), size_(size), shared_(shared) {}

    bool allow(std::string const& kid) override;
    [[nodiscard]] bool blocks() const override { return true; }

private:
    TokenBuckets own_;
    SharedBuckets::Size const size_;
    SharedBuckets& shared_;
};

}  // namespace genesis
