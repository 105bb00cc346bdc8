// A request and its answer as plain values, without an HTTP library.
#pragma once
#include "reconciler/store/objects.hpp"

#include <map>
#include <optional>
#include <string>

namespace genesis {

struct Request {
    std::string method, target;                               // as received; never normalised
    std::map<std::string, std::string, std::less<>> headers;  // lower-case names; duplicates are refused before
    std::string body;
    std::string id;  // made here; sent as X-Request-Id and kept with what the request causes
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
    std::string text{};                          // if not empty: sent instead of `body`
    std::optional<std::int64_t> events_after{};  // the answer is a stream of the events after this one
    std::string events_kind{};                   // only of this kind of object; empty: all
};

// Problem details (RFC 9457), with a stable code for programs and every problem at its JSON pointer.
Answer problem(int status, std::string_view code, std::string_view detail, Problems const& problems = {});
Answer problem(StoreRefusal const& refusal);
// The same answer for an unknown key, a wrong signature and a replayed request.
Answer unauthenticated();
Answer problem(Refused const& refused, int status, std::string_view code);

std::string_view title_of(int status);  // RFC 9110, 15

}  // namespace genesis
