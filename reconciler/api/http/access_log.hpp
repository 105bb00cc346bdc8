// One log line for each answered request.
#pragma once
#include "reconciler/api/routes/dispatch.hpp"

#include <mutex>

namespace genesis {

// Writes are logged at `info`, reads at `debug`, failures of the server at `warning`. Of unauthenticated requests at
// most ten a second are logged, and the number of the others: a flood must not displace the rest of the log.
// Thread-safe.
class AccessLog {
public:
    explicit AccessLog(Log& log) : log_(log) {}
    void write(Request const& request, Connection const& connection, DispatchResult const& result,
               std::chrono::steady_clock::duration took);

private:
    bool may_log_unauthenticated();
    Log& log_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point since_{};
    int logged_ = 0, suppressed_ = 0;
};

}  // namespace genesis
