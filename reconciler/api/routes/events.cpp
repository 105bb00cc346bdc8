// Where a stream of events begins.
#include "reconciler/api/routes/handlers.hpp"

#include <charconv>

namespace genesis::handlers {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t out = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size() || out < 0) return std::nullopt;
    return out;
}

Answer pruned(Trail::Range const& range) {
    auto out =
        problem(410, "events_pruned",
                "events before " + std::to_string(range.pruned + 1) + " are no longer kept; read the objects again");
    out.body.as_object()["oldest"] = range.pruned + 1;
    return out;
}

}  // namespace

// The header, which a client sends when it reconnects, takes precedence over the parameter.
Answer events(Service const& service, Call const& call) {
    auto const range = service.trail.event_range();
    auto after = range.newest;
    if (auto const it = call.query.find("after"); it != call.query.end()) after = number(it->second).value_or(after);
    if (auto const last = call.request.header("last-event-id"); !last.empty()) {
        auto const seen = number(last);
        if (!seen) return problem(400, "malformed", "Last-Event-ID must be a number");
        after = *seen;
    }
    if (after < range.pruned || after > range.newest) return pruned(range);  // the latter of a store that was restored
    Answer out;
    out.type = "text/event-stream";
    out.events_after = after;
    if (auto const it = call.query.find("kind"); it != call.query.end()) {
        out.events_kind = it->second;
        if (find_kind(it->second) == nullptr || find_kind(it->second)->schema->kind != it->second)
            return problem(400, "malformed", "there is no kind " + it->second);
    }
    return out;
}

}  // namespace genesis::handlers
