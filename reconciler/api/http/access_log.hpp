// One line for each request that was answered.
#pragma once
#include "reconciler/api/routes/routes.hpp"

#include <mutex>

namespace genesis {

// Writes are told at `info`, reads at `debug`, what the server could not do at `warning`. Of requests that nobody
// known has sent at most ten a second are told, with how many were not: a flood must not push others out of the log.
// Thread-safe.
class AccessLog {
public:
    explicit AccessLog(Log& log) : log_(log) {}
    void write(Request const& request, Connection const& connection, DispatchResult const& result,
               std::chrono::steady_clock::duration took);

private:
    bool one_more();
    Log& log_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point since_{};
    int told_ = 0, untold_ = 0;
};

}  // namespace genesis
