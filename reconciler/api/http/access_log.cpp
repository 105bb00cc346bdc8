// Writes the access log.
#include "reconciler/api/http/access_log.hpp"

namespace genesis {
namespace {

constexpr int most_unauthenticated = 10;  // a second

Level level_of(Request const& request, int status) {
    if (status >= 500) return Level::warning;
    return request.method == "GET" ? Level::debug : Level::info;
}

}  // namespace

bool AccessLog::may_log_unauthenticated() {
    std::lock_guard const lock(mutex_);
    auto const now = std::chrono::steady_clock::now();
    if (now - since_ >= std::chrono::seconds(1)) {
        if (suppressed_ > 0)
            log_.write(Level::warning, "unauthenticated requests were not logged",
                       {{"number", std::to_string(suppressed_)}});
        since_ = now;
        logged_ = suppressed_ = 0;
    }
    if (logged_ < most_unauthenticated) return ++logged_ > 0;
    ++suppressed_;
    return false;
}

void AccessLog::write(Request const& request, Connection const& connection, DispatchResult const& result,
                      std::chrono::steady_clock::duration took) {
    auto const& peer = connection.peer;
    auto const who = result.who.empty() && peer ? "uid " + std::to_string(peer->uid) : result.who;
    if (who.empty() && !may_log_unauthenticated()) return;
    auto const milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    log_.write(level_of(request, result.answer.status), "request",
               {{"who", who.empty() ? "unknown" : who},
                {"from", connection.from},
                {"method", request.method},
                {"target", request.target},
                {"status", std::to_string(result.answer.status)},
                {"ms", std::to_string(milliseconds)},
                {"request", request.id}});
}

}  // namespace genesis
