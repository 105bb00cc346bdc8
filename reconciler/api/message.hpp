// A request and its answer as the API sees them: plain values, no HTTP library.
#pragma once
#include "reconciler/store/objects.hpp"

#include <map>
#include <optional>
#include <string>

namespace genesis {

struct Request {
    std::string method, target;                               // as received; nothing is ever normalised
    std::map<std::string, std::string, std::less<>> headers;  // lower-case names; one that came twice is refused before
    std::string body;
    std::string id;  // ours, sent back as X-Request-Id and kept with what the request causes
    [[nodiscard]] std::string_view header(std::string_view name) const {
        auto const it = headers.find(name);
        return it == headers.end() ? std::string_view() : it->second;
    }
};

struct Answer {
    int status = 200;
    json::value body = json::object();
    std::optional<std::int64_t> generation{};  // sent as the ETag
    std::string allow{};                       // with 405
    int retry_after = 0;                       // seconds; 0 sends none
    std::string type = "application/json";
    std::string text{};                          // sent as it is instead of `body` when it is not empty
    std::optional<std::int64_t> events_after{};  // 200: not a body but a stream of the events after this one
    std::string events_kind{};                   // only those of this kind of object; empty: all
};

// RFC 9457, with a stable code for programs and every problem at its JSON pointer.
Answer problem(int status, std::string_view code, std::string_view detail, Problems const& problems = {});
Answer problem(StoreRefusal const& refusal);
// The one answer to an unknown key, a wrong signature and a request that was used before: they look alike.
Answer unauthenticated();
Answer problem(Refused const& refused, int status, std::string_view code);

std::string_view title_of(int status);  // RFC 9110, 15

}  // namespace genesis
