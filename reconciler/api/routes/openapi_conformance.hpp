// For tests: every answer that a fixture receives is checked against the OpenAPI document, on any thread.
#pragma once
#include "reconciler/api/routes/response_check.hpp"
#include "resources/schema/document.hpp"

#include <catch2/catch.hpp>

#include <mutex>

namespace genesis {

// Findings until the test's own thread takes them: Catch2 assertions are not thread-safe.
class Findings {
public:
    static Findings& all() {
        static Findings here;
        return here;
    }
    void add(std::string finding) {
        std::lock_guard const lock(mutex_);
        found_.push_back(std::move(finding));
    }
    std::vector<std::string> take() {
        std::lock_guard const lock(mutex_);
        return std::exchange(found_, {});
    }

private:
    std::mutex mutex_;
    std::vector<std::string> found_;
};

// A fixture with such a member fails its test for each answer that does not conform.
struct ConformsToOpenApi {
    ConformsToOpenApi() = default;
    ~ConformsToOpenApi() {
        for (auto const& finding : Findings::all().take()) FAIL_CHECK(finding);
    }
    ConformsToOpenApi(ConformsToOpenApi const&) = delete;
    ConformsToOpenApi& operator=(ConformsToOpenApi const&) = delete;
};

inline ResponseCheck const& published() {
    static ResponseCheck const check;
    return check;
}

// An answer with a body.
inline void hold(std::string_view method, std::string_view target, int status, std::string_view type,
                 json::value const& body) {
    if (auto const why = published().find(method, target, status, type, body); !why.empty())
        Findings::all().add(std::string(method) + " " + std::string(target) + " " + std::to_string(status) + ": " +
                            why + " in " + json::serialize(body));
}

// An answer without a body: a stream, or the answer to HEAD.
inline void hold_head(std::string_view method, std::string_view target, int status, std::string_view type) {
    if (published().described(method, target, status, type) == nullptr)
        Findings::all().add(std::string(method) + " " + std::string(target) + " " + std::to_string(status) + ": " +
                            std::string(type) + " is not described");
}

// As a handler returns it.
inline Answer const& hold(std::string_view method, std::string_view target, Answer const& answer) {
    if (answer.events_after) {
        hold_head(method, target, answer.status, answer.type);
    } else {
        hold(method, target, answer.status, answer.type, answer.text.empty() ? answer.body : json::value(answer.text));
    }
    return answer;
}

// As it is received over a connection.
inline void hold_text(std::string_view method, std::string_view target, int status, std::string_view type,
                      std::string_view text) {
    if (method == "HEAD") return hold_head(method, target, status, type);
    if (type.starts_with("text/")) return hold(method, target, status, type, json::value(text));
    if (auto const body = parse_json(text)) return hold(method, target, status, type, *body);
    Findings::all().add(std::string(method) + " " + std::string(target) + ": this is not JSON: " + std::string(text));
}

}  // namespace genesis
