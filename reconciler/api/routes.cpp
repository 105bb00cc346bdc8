// The table itself, and the way from a request to its handler: authenticate, cut, match, check parameters, handle.
#include "reconciler/api/routes.hpp"

#include "reconciler/api/handlers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>

namespace genesis {
namespace {

using P = Parameter;
constexpr std::array put_parameters{P{P::boolean, "dry_run", "Answer with the plan, store nothing."},
                                    P{P::boolean, "take_over", "Change it though a spec file keeps it."}};
constexpr std::array delete_parameters{P{P::boolean, "purge", "Its data goes at once, without the days of grace."},
                                       P{P::boolean, "dry_run", "Answer with the plan, change nothing."}};
constexpr std::array list_parameters{P{P::integer, "limit", "At most so many; 100 unless told."},
                                     P{P::name, "after", "Names after this one: `next` of the last page."},
                                     P{P::boolean, "ready", "Only those that are ready, or only those that are not."}};
constexpr std::array history_parameters{P{P::integer, "limit", "At most so many; 100 unless told."},
                                        P{P::integer, "before", "Entries with a lower id.", 1, INT64_MAX}};
constexpr std::array events_parameters{
    P{P::integer, "after", "Events with a higher seq; only new ones unless told.", 0, INT64_MAX},
    P{P::name, "kind", "Only of objects of this kind."}};
constexpr std::array reconcile_parameters{
    P{P::boolean, "confirm_removals", "Removals that were held back for a confirmation have it."}};

namespace h = handlers;
constexpr std::array table{
    Route{"PUT", "/v1/{kind}/{name}", h::put, "put{Kind}", "Stores the whole desired spec.", "written", put_parameters,
          true, true, Needs::write, true},
    Route{"GET", "/v1/{kind}/{name}", h::get, "get{Kind}", "Spec, redacted, and status.", "{kind}_object"},
    Route{"GET", "/v1/{kind}", h::cached_list, "list{Kind}", "Objects of this kind by name.", "{kind}_list",
          list_parameters},
    Route{"DELETE", "/v1/{kind}/{name}", h::remove, "delete{Kind}", "Starts termination; repeating it is the same.",
          "written", delete_parameters, false, true, Needs::write, true},
    Route{"GET", "/v1/{kind}/{name}/plan", h::plan, "plan{Kind}", "What is outstanding, and what is held back.",
          "plan"},
    Route{"GET", "/v1/{kind}/{name}/drift", h::drift, "drift{Kind}", "What differs, field by field.", "drift"},
    Route{"GET", "/v1/{kind}/{name}/history", h::history, "history{Kind}", "What was done, the newest first.",
          "history", history_parameters},
    Route{"POST", "/v1/{kind}/{name}/reconcile", h::reconcile, "reconcile{Kind}", "Looks at it now.", "empty",
          reconcile_parameters, false, true, Needs::write},
    Route{"POST",
          "/v1/{kind}/{name}/pause",
          h::pause,
          "pause{Kind}",
          "Looks but does not change.",
          "named",
          {},
          false,
          false,
          Needs::write,
          true},
    Route{"POST",
          "/v1/{kind}/{name}/resume",
          h::resume,
          "resume{Kind}",
          "Changes again.",
          "named",
          {},
          false,
          false,
          Needs::write,
          true},
    Route{"POST",
          "/v1/{kind}/{name}/adopt",
          h::adopt,
          "adopt{Kind}",
          "Takes over what bears its names on the server.",
          "named",
          {},
          false,
          false,
          Needs::admin,
          true},
    Route{"POST",
          "/v1/{kind}/{name}/take-over",
          h::take_over,
          "takeOver{Kind}",
          "From a spec file to the API.",
          "named",
          {},
          false,
          false,
          Needs::admin,
          true},
    Route{"POST",
          "/v1/{kind}/{name}/credentials",
          h::credentials,
          "credentials{Kind}",
          "Generated secrets, once; then none.",
          "credentials",
          {},
          false,
          false,
          Needs::write,
          true},
    Route{"GET", "/v1/plan", h::plan_all, "plan", "What is outstanding on the whole server.", "plan"},
    Route{"GET", "/v1/drift", h::drift_all, "drift", "What differs on the whole server.", "drift"},
    Route{"GET", "/v1/history", h::history_all, "history", "What was done on the whole server.", "history",
          history_parameters},
    Route{"POST", "/v1/reconcile", h::reconcile_all, "reconcile", "Looks at everything now.", "empty",
          reconcile_parameters, false, true, Needs::admin},
    Route{"POST",
          "/v1/pause",
          h::pause_all,
          "pause",
          "Looks at everything but changes nothing.",
          "empty",
          {},
          false,
          false,
          Needs::admin},
    Route{"POST", "/v1/resume", h::resume_all, "resume", "Changes again.", "empty", {}, false, false, Needs::admin},
    Route{"GET",
          "/v1/keys",
          h::keys,
          "keys",
          "The keys there are and were, without their secrets.",
          "keys",
          {},
          false,
          false,
          Needs::admin},
    Route{"POST",
          "/v1/keys/{name}",
          h::add_key,
          "addKey",
          "Makes a key; its secret is told here and never again.",
          "new_key",
          {},
          false,
          false,
          Needs::local,
          false,
          "key_request"},
    Route{"POST",
          "/v1/keys/{name}/rotate",
          h::rotate_key,
          "rotateKey",
          "Another secret under the same id; the former ends after an overlap.",
          "new_key",
          {},
          false,
          false,
          Needs::local,
          false,
          "key_rotation"},
    Route{"DELETE",
          "/v1/keys/{name}",
          h::revoke_key,
          "revokeKey",
          "Ends every secret of the id at once, for ever.",
          "revoked_key",
          {},
          false,
          false,
          Needs::local},
    Route{"GET", "/v1/audit", h::audit, "audit", "Every write: who, from where, what; the newest first.", "audit",
          history_parameters, false, false, Needs::admin},
    Route{"GET", "/v1/events", h::events, "events", "Server-sent events from any past one on, without an end.", "event",
          events_parameters},
    Route{"GET", "/v1/info", h::info, "info", "Who this is.", "info"},
    Route{"GET", "/healthz", h::healthz, "healthz", "Whether the daemon works.", "probe"},
    Route{"GET", "/readyz", h::readyz, "readyz", "Whether it has seen the whole server.", "probe"},
    Route{"GET", "/metrics", h::metrics, "metrics", "What is counted, for Prometheus.", "text"},
    Route{"GET", "/openapi.json", h::description, "openapi", "This document.", "openapi"},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    for (std::size_t from = 0; from <= text.size();) {
        auto const end = std::min(text.find(separator, from), text.size());
        out.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return out;
}

bool is_segment(std::string_view text) {
    return !text.empty() && text != "." && text != ".." && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
}

bool is_query(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_=&.:-").find(c) != std::string_view::npos;
    });
}

ObjectKind const* kind_of(std::string_view plural) {
    auto const* kind = find_kind(plural);
    return kind != nullptr && kind->plural == plural ? kind : nullptr;
}

// Fills the call when the path is the route's.
bool matches(Route const& route, CutTarget const& target, Call& call) {
    auto const pattern = split(route.path.substr(1), '/');
    if (pattern.size() != target.segments.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        auto const& segment = target.segments[i];
        if (pattern[i] == "{kind}") {
            if ((call.kind = kind_of(segment)) == nullptr) return false;
        } else if (pattern[i] == "{name}") {
            call.name = std::string(segment);
        } else if (pattern[i] != segment) {
            return false;
        }
    }
    return true;
}

std::optional<std::string> refuse_value(Parameter const& parameter, std::string_view value) {
    if (parameter.type == Parameter::boolean && value != "true" && value != "false") return "must be true or false";
    if (parameter.type == Parameter::name && !value.empty() && !is_segment(value)) return "must be a name";
    if (parameter.type != Parameter::integer) return std::nullopt;
    std::int64_t number = 0;
    auto const* end = value.data() + value.size();
    auto const [stopped, error] = std::from_chars(value.data(), end, number);
    if (error == std::errc() && stopped == end && number >= parameter.min && number <= parameter.max)
        return std::nullopt;
    return "must be a number from " + std::to_string(parameter.min) + " to " + std::to_string(parameter.max);
}

// The query into call.query; the first thing wrong with it as a problem. Unknown and repeated parameters are wrong.
std::optional<Answer> read_query(Route const& route, std::string_view query, Call& call) {
    if (query.empty()) return std::nullopt;
    for (auto const& pair : split(query, '&')) {
        auto const equals = std::min(pair.find('='), pair.size());
        auto const key = pair.substr(0, equals), value = pair.substr(std::min(equals + 1, pair.size()));
        auto const known = std::find_if(route.parameters.begin(), route.parameters.end(),
                                        [&](Parameter const& p) { return p.key == key; });
        if (known == route.parameters.end())
            return problem(400, "unknown_parameter", "there is no parameter " + std::string(key) + " here");
        if (auto const why = refuse_value(*known, value))
            return problem(400, "malformed", std::string(key) + " " + *why);
        if (!call.query.emplace(key, value).second)
            return problem(400, "malformed", std::string(key) + " is there twice");
    }
    return std::nullopt;
}

std::string code_of(Answer const& answer) {
    auto const* body = answer.body.if_object();
    auto const* code = body != nullptr ? body->if_contains("code") : nullptr;
    return code != nullptr && code->is_string() ? std::string(code->get_string()) : std::string("none");
}

Answer method_not_allowed(std::string const& allowed) {
    auto out = problem(405, "method_not_allowed", "this path takes " + allowed);
    out.allow = allowed;
    return out;
}

bool allowed(Identity const& who, Route const& route, ObjectKind const* kind) {
    switch (route.needs) {
        case Needs::read:
            return who.may("read");
        case Needs::write:
            return who.may(kind->scope);
        case Needs::admin:
            return who.may("admin");
        case Needs::local:
            break;
    }
    return who.local;
}

// The nonce is spent before a handler has an effect, by the store in the same transaction where the handler writes.
Answer handle(Service const& service, Route const& route, Call const& call) {
    if (!route.stores && !spend(service, call.by)) return unauthenticated();
    auto out = route.handle(service, call);
    if (!spend(service, call.by)) return unauthenticated();
    return out;
}

Answer forbidden(std::string_view why) { return problem(403, "forbidden", why); }

// What a request is told that no handler saw. Its nonce is spent all the same, so that a captured one is worth nothing,
// whatever it asked for.
Answer refused(Service const& service, Origin& by, Answer answer) {
    if (!spend(service, by)) return unauthenticated();
    return answer;
}

// Of a path or method that is not there: whoever may not even read is not told so, and leaves no trace.
Answer not_there(Service const& service, Identity const& who, Origin& by, Answer answer) {
    if (!who.may("read")) return forbidden("there is nothing here that the key has a right to");
    return refused(service, by, std::move(answer));
}

// Of a route that matched and is allowed: what is wrong with the rest of the request.
std::optional<Answer> wrong_with(Route const& route, CutTarget const& target, Request const& request, Call& call) {
    if (auto wrong = read_query(route, target.query, call)) return wrong;
    if (!route.body && route.takes.empty() && !request.body.empty())
        return problem(400, "malformed", "this takes no body");
    return std::nullopt;
}

// `taken` is set once the request is one of a route.
Answer route(Service const& service, Identity const& who, Request const& request, Origin& by, Route const*& taken) {
    auto const target = by.nonce && !is_signed_target(request.target) ? std::nullopt : cut(request.target);
    if (!target)
        return not_there(service, who, by, problem(400, "malformed", "the request target is not one of this API"));
    std::string allowed_methods;
    for (auto const& candidate : routes()) {
        Call call{request, by};
        if (!matches(candidate, *target, call)) continue;
        if (candidate.method != request.method) {
            allowed_methods += (allowed_methods.empty() ? "" : ", ") + std::string(candidate.method);
            continue;
        }
        taken = &candidate;
        if (!allowed(who, candidate, call.kind)) return forbidden("the key has no right to this");
        if (auto wrong = wrong_with(candidate, *target, request, call)) return refused(service, by, std::move(*wrong));
        if (call.flag("take_over") && !who.may("admin")) return forbidden("take_over needs an administrator");
        return handle(service, candidate, call);
    }
    auto const none = allowed_methods.empty();
    return not_there(service, who, by,
                     none ? problem(404, "not_found", "there is no such path") : method_not_allowed(allowed_methods));
}

Answered answer(Service const& service, Authenticator const& authenticator, Request const& request,
                Connection const& connection, Route const*& taken) {
    Answered out;
    try {
        auto identity = authenticator.authenticate(request, connection);
        if (!identity) return {identity.error()};
        out.who = identity->who;
        out.reply = std::move(identity->reply);
        Origin by{identity->who, connection.from, request.id, identity->nonce};
        out.answer = route(service, *identity, request, by, taken);
    } catch (Fault const& e) {
        service.log.write(Level::warning, "a request failed", {{"why", e.what()}, {"request", request.id}});
        out.answer = problem(503, "unavailable", e.what());
    } catch (std::exception const& e) {
        service.log.write(Level::error, "a request hit a defect", {{"why", e.what()}, {"request", request.id}});
        out.answer = problem(500, "internal", "a defect; the log has more");
    }
    return out;
}

void count(Metrics& metrics, Route const* taken, Answered const& answered, Steady started) {
    auto const took = std::chrono::steady_clock::now() - started;
    metrics.request(taken != nullptr ? taken->method : "none", taken != nullptr ? taken->path : "none",
                    answered.answer.status, took);
    if (answered.who.empty()) metrics.refused(code_of(answered.answer));
}

}  // namespace

bool Call::flag(std::string_view parameter) const {
    auto const it = query.find(parameter);
    return it != query.end() && it->second == "true";
}

std::span<Route const> routes() { return table; }

std::optional<CutTarget> cut(std::string_view target) {
    auto const mark = std::min(target.find('?'), target.size());
    CutTarget out;
    out.query = target.substr(std::min(mark + 1, target.size()));
    auto const path = target.substr(0, mark);
    if (!path.starts_with('/') || !is_query(out.query)) return std::nullopt;
    out.segments = split(path.substr(1), '/');
    if (!std::all_of(out.segments.begin(), out.segments.end(), is_segment)) return std::nullopt;
    return out;
}

bool is_signed_target(std::string_view target) {
    auto const parts = cut(target);
    return parts && parts->segments.size() > 1 && parts->segments.front() == "v1";
}

bool spend(Service const& service, Origin& by) { return !by.nonce || service.keys.spend(by); }

Answered answer(Service const& service, Authenticator const& authenticator, Request const& request,
                Connection const& connection) {
    auto const started = std::chrono::steady_clock::now();
    Route const* taken = nullptr;
    auto out = answer(service, authenticator, request, connection, taken);
    if (service.metrics != nullptr) count(*service.metrics, taken, out, started);
    return out;
}

}  // namespace genesis
