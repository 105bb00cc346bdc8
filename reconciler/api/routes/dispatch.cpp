// Authenticate, cut, match, check parameters, spend the nonce, handle: each step may end it with an answer.
#include "reconciler/api/routes/dispatch.hpp"

#include "reconciler/api/target.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>
#include <thread>

namespace genesis {
namespace {

namespace asio = boost::asio;

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
    switch (route.scope) {
        case RequiredScope::read:
            return who.may("read");
        case RequiredScope::write:
            return who.may(kind->scope);
        case RequiredScope::admin:
            return who.may("admin");
        case RequiredScope::local:
            break;
    }
    return who.local;
}

Answer forbidden(std::string_view why) { return problem(403, "forbidden", why); }

// A request on its way to its answer.
struct Asked {
    Asked(Request const& r, Connection const& c) : request(r), connection(c) {}
    enum Next { nothing, spend, handle };

    Request const& request;
    Connection const& connection;
    Origin by{};                   // its nonce is gone once it is spent
    Route const* route = nullptr;  // set once the request is one of a route
    Call call{request, by};
    Answered said{};
    Next next = nothing;

    [[nodiscard]] bool dry_run() const { return route->dry_run && call.flag("dry_run"); }
    void tell(Answer answer, Next then = nothing) {
        said.answer = std::move(answer);
        next = then;
    }
};

// Of a path or method that is not there: whoever may not even read is not told so, and leaves no trace. The nonce is
// spent all the same, so that a captured request is worth nothing, whatever it asked for.
void not_there(Identity const& who, Asked& asked, Answer answer) {
    if (!who.may("read")) return asked.tell(forbidden("there is nothing here that the key has a right to"));
    asked.tell(std::move(answer), Asked::spend);
}

// A write that ignored its condition would be believed to have heeded it.
std::optional<Answer> wrong_condition(Route const& route, Request const& request) {
    if (route.method == "GET") return std::nullopt;
    if (!route.conditional && !request.header("if-match").empty())
        return problem(400, "malformed", "If-Match is for PUT and DELETE of an object");
    if (!route.spec && !request.header("if-none-match").empty())
        return problem(400, "malformed", "If-None-Match is for PUT of an object");
    return std::nullopt;
}

// Of a route that matched and is allowed: what is wrong with the rest of the request.
std::optional<Answer> wrong_with(Route const& route, CutTarget const& target, Call& call) {
    if (auto wrong = read_query(route, target.query, call)) return wrong;
    if (auto wrong = wrong_condition(route, call.request)) return wrong;
    if (!route.spec && route.takes.empty() && !call.request.body.empty())
        return problem(400, "malformed", "this takes no body");
    return std::nullopt;
}

void take(Identity const& who, Route const& route, CutTarget const& target, Asked& asked) {
    asked.route = &route;
    if (!allowed(who, route, asked.call.kind)) return asked.tell(forbidden("the key has no right to this"));
    if (auto wrong = wrong_with(route, target, asked.call)) return asked.tell(std::move(*wrong), Asked::spend);
    if (asked.call.flag("take_over") && !who.may("admin"))
        return asked.tell(forbidden("take_over needs an administrator"));
    asked.next = Asked::handle;
}

void find_route(Identity const& who, Asked& asked) {
    auto const& request = asked.request;
    auto const target = asked.by.nonce && !is_signed_target(request.target) ? std::nullopt : cut(request.target);
    if (!target) return not_there(who, asked, problem(400, "malformed", "the request target is not one of this API"));
    std::string allowed_methods;
    for (auto const& candidate : routes()) {
        if (!matches(candidate, *target, asked.call)) continue;
        if (candidate.method == request.method) return take(who, candidate, *target, asked);
        allowed_methods += (allowed_methods.empty() ? "" : ", ") + std::string(candidate.method);
    }
    if (allowed_methods.empty()) return not_there(who, asked, problem(404, "not_found", "there is no such path"));
    not_there(who, asked, method_not_allowed(allowed_methods));
}

void begin(Service const& service, Authenticator const& authenticator, Asked& asked) {
    // A stream alone outlives its request; what tells how we are must not need the store.
    if (asked.request.target.starts_with("/v1/events")) asked.said.keys = service.keys.keys_version();
    auto identity = authenticator.authenticate(asked.request, asked.connection);
    if (!identity) return asked.tell(identity.error());
    asked.said.who = identity->who;
    asked.said.reply = std::move(identity->reply);
    asked.said.until = identity->until;
    asked.by = {identity->who, asked.connection.from, asked.request.id, identity->nonce};
    find_route(*identity, asked);
}

// What start(told) tells, awaited: the coroutine goes on where it was, whatever thread told it.
template <class T, class Start>
asio::awaitable<T> told_by(std::atomic<int>& under_way, Start start) {
    auto const initiate = [&under_way](auto handler, Start start_it) {
        auto const waiting = std::make_shared<decltype(handler)>(std::move(handler));
        ++under_way;
        auto tell = [waiting, &under_way](std::exception_ptr failure, T value) mutable {
            {
                auto const where = asio::get_associated_executor(*waiting);
                asio::post(where, [handler = std::move(waiting), failure, value = std::move(value)]() mutable {
                    std::move (*handler)(failure, std::move(value));
                });
            }
            --under_way;  // the executor may be gone from here on
        };
        try {
            start_it(tell);
        } catch (...) {
            tell(std::current_exception(), T());
        }
    };
    return asio::async_initiate<asio::use_awaitable_t<> const, void(std::exception_ptr, T)>(
        initiate, asio::use_awaitable, std::move(start));
}

// False when the nonce was spent before.
asio::awaitable<bool> spent(Service const& service, Origin& by, Lanes const& lanes) {
    if (!by.nonce) co_return true;
    co_return co_await told_by<bool>(lanes.in_store, [&](Told<bool> told) { service.keys.spend(by, std::move(told)); });
}

// Where an authenticator that asks another process may block: the route is not known yet.
asio::any_io_executor const& blocking(Request const& request, Lanes const& lanes) {
    return request.method == "GET" ? lanes.reads : lanes.writes;
}

asio::any_io_executor const& executor_of(Lane lane, Lanes const& lanes) {
    switch (lane) {
        case Lane::writes:
            return lanes.writes;
        case Lane::probes:
            return lanes.probes;
        case Lane::plans:
            return lanes.plans;
        case Lane::connection:
        case Lane::reads:
            break;
    }
    return lanes.reads;
}

struct Count {
    explicit Count(std::atomic<int>& number) : of(number), before(number++) {}
    ~Count() { --of; }
    Count(Count const&) = delete;
    Count& operator=(Count const&) = delete;
    std::atomic<int>& of;
    int const before;
};

asio::awaitable<void> call_handler(Service const& service, Asked& asked, Lanes const& lanes) {
    bool const dry_run = asked.dry_run();
    auto const& handler = dry_run ? asked.route->dry_run : asked.route->handle;
    auto const lane = dry_run ? Lane::plans : asked.route->lane;
    std::optional<Count> waiting;
    if (lane == Lane::plans && waiting.emplace(lanes.waiting_plans).before >= Lanes::most_plans) {
        asked.said.answer = problem(503, "unavailable", "too many plans are under way; try again later");
        co_return;
    }
    if (lane != Lane::connection)
        co_await asio::post(asio::bind_executor(executor_of(lane, lanes), asio::use_awaitable));
    if (handler.returns != nullptr) {
        asked.said.answer = handler.returns(service, asked.call);
        co_return;
    }
    asked.said.answer = co_await told_by<Answer>(
        lanes.in_store, [&](Told<Answer> told) { handler.completes(service, asked.call, std::move(told)); });
}

// The nonce is spent before a handler has an effect, by the store in the same transaction where the handler writes.
asio::awaitable<void> handle(Service const& service, Asked& asked, Lanes const& lanes) {
    bool const writes = asked.next == Asked::handle && asked.route->nonce == NonceUse::with_write && !asked.dry_run();
    bool fresh = true;
    if (!writes) fresh = co_await spent(service, asked.by, lanes);
    if (fresh && asked.next == Asked::handle) {
        co_await call_handler(service, asked, lanes);
        fresh = co_await spent(service, asked.by, lanes);  // where the handler refused before it came to the store
    }
    if (!fresh) asked.said.answer = unauthenticated();
}

Answer failed(Service const& service, Request const& request, std::exception_ptr const& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (Fault const& e) {
        service.log.write(Level::warning, "a request failed", {{"why", e.what()}, {"request", request.id}});
        return problem(503, "unavailable", e.what());
    } catch (std::exception const& e) {
        service.log.write(Level::error, "a request hit a defect", {{"why", e.what()}, {"request", request.id}});
        return problem(500, "internal", "a defect; the log has more");
    }
}

void count(Metrics& metrics, Asked const& asked, std::chrono::steady_clock::duration took) {
    auto const* route = asked.route;
    auto const& said = asked.said;
    metrics.request(route != nullptr ? route->method : "none", route != nullptr ? route->path : "none",
                    said.answer.status, took);
    if (said.who.empty()) metrics.refused(code_of(said.answer));
}

}  // namespace

asio::awaitable<Answered> answering(Service const& service, Authenticator const& authenticator, Request const& request,
                                    Connection const& connection, Lanes lanes) {
    auto const started = std::chrono::steady_clock::now();
    Asked asked(request, connection);
    try {
        if (authenticator.waits())
            co_await asio::post(asio::bind_executor(blocking(request, lanes), asio::use_awaitable));
        begin(service, authenticator, asked);
        if (authenticator.waits()) co_await asio::dispatch(co_await asio::this_coro::executor, asio::use_awaitable);
        if (asked.next != Asked::nothing) co_await handle(service, asked, lanes);
    } catch (std::exception const&) {
        asked.said.answer = failed(service, request, std::current_exception());
    }
    if (service.metrics != nullptr) count(*service.metrics, asked, std::chrono::steady_clock::now() - started);
    co_await asio::dispatch(co_await asio::this_coro::executor, asio::use_awaitable);  // where it began
    co_return std::move(asked.said);
}

Answered answer(Service const& service, Authenticator const& authenticator, Request const& request,
                Connection const& connection) {
    asio::io_context io;
    std::atomic<int> in_store = 0, waiting_plans = 0;
    Lanes const lanes{io.get_executor(), io.get_executor(), io.get_executor(),
                      io.get_executor(), waiting_plans,     in_store};
    auto out = asio::co_spawn(io, answering(service, authenticator, request, connection, lanes), asio::use_future);
    io.run();
    while (in_store > 0) std::this_thread::yield();  // the store is still on its way out of `io`
    return out.get();
}

}  // namespace genesis
