// Problem details and the titles of statuses.
#include "reconciler/api/message.hpp"

#include <array>
#include <ctime>
#include <utility>

namespace genesis {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 20> titles{{
    {200, "OK"},
    {202, "Accepted"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
}};

int status_of(std::string_view code) {
    if (code == "not_found") return 404;
    if (code == "precondition_failed") return 412;
    if (code == "invalid" || code == "reserved") return 422;
    return 409;  // name_taken, domain_taken and the like, owned_by, in_use, being_purged, not_terminating, exhausted
}

}  // namespace

std::string_view title_of(int status) {
    for (auto const& [number, title] : titles)
        if (number == status) return title;
    return "Error";
}

Answer problem(int status, std::string_view code, std::string_view detail, Problems const& problems) {
    json::array list;
    for (auto const& p : problems) list.push_back({{"path", p.path}, {"code", p.code}, {"text", p.text}});
    Answer out;
    out.status = status;
    out.type = "application/problem+json";
    out.body = {{"type", "about:blank"}, {"title", title_of(status)}, {"status", status},
                {"code", code},          {"detail", detail},          {"problems", std::move(list)}};
    if (status == 503 || status == 429) out.retry_after = 1;
    return out;
}

Answer unauthenticated() { return problem(401, "unauthenticated", "the request is not signed by a valid key"); }

Answer problem(StoreRefusal const& refusal) {
    if (refusal.code == "replayed") return unauthenticated();
    return problem(status_of(refusal.code), refusal.code, refusal.text, refusal.problems);
}

Answer problem(Refused const& refused, int status, std::string_view code) {
    auto const& all = refused.problems;
    auto detail =
        all.empty() ? std::string() : (all.front().path.empty() ? "" : all.front().path + " ") + all.front().text;
    if (all.size() > 1) detail += ", and " + std::to_string(all.size() - 1) + " more";
    return problem(status, code, detail, all);
}

}  // namespace genesis
