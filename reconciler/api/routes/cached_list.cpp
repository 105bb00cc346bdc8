// Lists answered from a cache until something in them has changed.
//
// The key contains the version of the stored objects and the version of the engine's status, both read before the
// list is made. Each change raises a version in its own commit. A reader who asks after a write was acknowledged, in
// any process, therefore uses a key under which nothing older is kept. A list that is newer than its key does no harm.
//
// Single objects are not cached: making one takes 53 us, half of what a Redis takes to answer. A page of a hundred
// takes 5 ms to make, 0.02 ms from memory and 0.9 ms from a Redis.
//
// Authentication, nonce, scopes and limits come before, in dispatch: the cached text does not depend on the caller.
#include "reconciler/api/routes/handlers.hpp"

namespace genesis::handlers {
namespace {

// Only bounds how long an unused entry takes room; freshness comes from the key.
constexpr std::chrono::seconds keep{10};

std::optional<std::string> key_of(Service const& service, Call const& call) {
    auto const status = service.engine.status_version();
    if (!status) return std::nullopt;
    auto out = "list|" + service.settings.version + "|" + std::string(call.kind->plural) + "|";
    for (auto const& [parameter, value] : call.query) out.append(parameter).append("=").append(value).append("&");
    return out + "|" + std::to_string(service.store.version()) + "|" + *status;
}

}  // namespace

Answer cached_list(Service const& service, Call const& call) {
    auto const key = service.cache != nullptr ? key_of(service, call) : std::nullopt;
    if (!key) return list(service, call);
    auto known = service.cache->get(*key);
    if (service.metrics != nullptr) service.metrics->cached(known.has_value());
    Answer out;
    if (known) {
        out.text = std::move(*known);
        return out;
    }
    out = list(service, call);
    if (out.status != 200) return out;
    out.text = json::serialize(out.body) + "\n";
    service.cache->set(*key, out.text, keep);
    return out;
}

}  // namespace genesis::handlers
