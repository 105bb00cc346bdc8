// Lists answered from the cache while nothing that they tell of has changed.
//
// The key names what the answer is made of: the version of the stored objects and that of what the engine knows beyond
// them, both read before the answer is made. Versions only rise, with each change, in its commit: whoever asks after a
// write was acknowledged, in whatever process, reads a higher version, and under that one nothing older is kept. What a
// write between the two makes newer than its key is never asked for again but by those who asked before that write.
//
// Single objects are not kept: one is made in 53 us, which is half of what a Redis takes to answer, and while every
// write ends all that is kept, one object is seldom asked for again before the next. A page of a hundred takes 5 ms to
// make, 0.02 ms from memory and 0.9 ms from a Redis.
//
// Authentication, the nonce, scopes and limits come before, in the routes: what is kept has nothing to do with who
// asks.
#include "reconciler/api/routes/handlers.hpp"

namespace genesis::handlers {
namespace {

// Not what keeps answers from being stale, but for how long one that nobody asks for takes room.
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
