// Authenticate, match, check parameters, consume the nonce, handle: each step may end the request with an answer.
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

// True and fills the call when the path matches the route.
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

// Reads the query into call.query, or returns the first problem. Unknown and repeated parameters are problems.
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
            return problem(400, "malformed", std::string(key) + " is given twice");
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
            return who.allows("read");
        case RequiredScope::write:
            return who.allows(kind->scope);
        case RequiredScope::admin:
            return who.allows("admin");
        case RequiredScope::local:
            break;
    }
    return who.local;
}

Answer forbidden(std::string_view why) { return problem(403, "forbidden", why); }

// One request and what is known of it so far.
struct Exchange {
    Exchange(Request const& r, Connection const& c) : request(r), connection(c) {}
    enum Next { nothing, consume, handle };  // what remains to be done

    Request const& request;
    Connection const& connection;
    Actor actor{};                 // without its nonce once that is consumed
    Route const* route = nullptr;  // once one has matched
    Call call{request, actor};
    DispatchResult result{};
    Next next = nothing;

    [[nodiscard]] bool dry_run() const { return route->dry_run && call.flag("dry_run"); }
    void refuse(Answer answer, Next then = nothing) {
        result.answer = std::move(answer);
        next = then;
    }
};

// For a path or method that does not exist. A caller without the read scope does not learn that, and leaves no trace.
// The nonce is consumed all the same, so that a captured request is worthless whatever it asks for.
void refuse_unknown(Identity const& who, Exchange& exchange, Answer answer) {
    if (!who.allows("read")) return exchange.refuse(forbidden("the key has no right to this"));
    exchange.refuse(std::move(answer), Exchange::consume);
}

// A condition that the route does not evaluate is refused: the client would believe that it was.
std::optional<Answer> wrong_condition(Route const& route, Request const& request) {
    if (route.method == "GET") return std::nullopt;
    if (!route.conditional && !request.header("if-match").empty())
        return problem(400, "malformed", "If-Match is for PUT and DELETE of an object");
    if (!route.spec && !request.header("if-none-match").empty())
        return problem(400, "malformed", "If-None-Match is for PUT of an object");
    return std::nullopt;
}

// The first problem of a request whose route matched and is allowed.
std::optional<Answer> wrong_with(Route const& route, CutTarget const& target, Call& call) {
    if (auto wrong = read_query(route, target.query, call)) return wrong;
    if (auto wrong = wrong_condition(route, call.request)) return wrong;
    if (!route.spec && route.takes.empty() && !call.request.body.empty())
        return problem(400, "malformed", "this request takes no body");
    return std::nullopt;
}

void use_route(Identity const& who, Route const& route, CutTarget const& target, Exchange& exchange) {
    exchange.route = &route;
    if (!allowed(who, route, exchange.call.kind)) return exchange.refuse(forbidden("the key has no right to this"));
    if (auto wrong = wrong_with(route, target, exchange.call))
        return exchange.refuse(std::move(*wrong), Exchange::consume);
    if (exchange.call.flag("take_over") && !who.allows("admin"))
        return exchange.refuse(forbidden("take_over needs an administrator"));
    if (exchange.dry_run() && !who.allows("read"))  // its plan shows what is stored
        return exchange.refuse(forbidden("a dry run needs the right to read as well, the scope read"));
    exchange.next = Exchange::handle;
}

void find_route(Identity const& who, Exchange& exchange) {
    auto const& request = exchange.request;
    auto const target = exchange.actor.nonce && !is_signed_target(request.target) ? std::nullopt : cut(request.target);
    if (!target) return refuse_unknown(who, exchange, problem(400, "malformed", "the request target is not valid"));
    std::string allowed_methods;
    for (auto const& candidate : routes()) {
        if (!matches(candidate, *target, exchange.call)) continue;
        if (candidate.method == request.method) return use_route(who, candidate, *target, exchange);
        allowed_methods += (allowed_methods.empty() ? "" : ", ") + std::string(candidate.method);
    }
    if (allowed_methods.empty())
        return refuse_unknown(who, exchange, problem(404, "not_found", "there is no such path"));
    refuse_unknown(who, exchange, method_not_allowed(allowed_methods));
}

void authenticate(Service const& service, Authenticator const& authenticator, Exchange& exchange) {
    // Only an event stream outlives its request and needs this. Probes must not depend on the store.
    if (exchange.request.target.starts_with("/v1/events")) exchange.result.keys = service.keys.keys_version();
    auto identity = authenticator.authenticate(exchange.request, exchange.connection);
    if (!identity) return exchange.refuse(identity.error());
    exchange.result.who = identity->who;
    exchange.result.reply = std::move(identity->reply);
    exchange.result.until = identity->until;
    exchange.actor = {identity->who, exchange.connection.from, exchange.request.id, identity->nonce};
    find_route(*identity, exchange);
}

// Awaits what `start` passes to its completion. The coroutine resumes on its own executor, whatever thread completes.
template <class T, class Start>
asio::awaitable<T> completion_of(std::atomic<int>& under_way, Start start) {
    auto const initiate = [&under_way](auto handler, Start start_it) {
        auto const waiting = std::make_shared<decltype(handler)>(std::move(handler));
        ++under_way;
        auto complete = [waiting, &under_way](std::exception_ptr failure, T value) mutable {
            {
                auto const where = asio::get_associated_executor(*waiting);
                asio::post(where, [handler = std::move(waiting), failure, value = std::move(value)]() mutable {
                    std::move (*handler)(failure, std::move(value));
                });
            }
            --under_way;  // last: the executor may be destroyed from here on
        };
        try {
            start_it(complete);
        } catch (...) {
            complete(std::current_exception(), T());
        }
    };
    return asio::async_initiate<asio::use_awaitable_t<> const, void(std::exception_ptr, T)>(
        initiate, asio::use_awaitable, std::move(start));
}

// False when the nonce was consumed before.
asio::awaitable<bool> consume_nonce(Service const& service, Actor& actor, Lanes const& lanes) {
    if (!actor.nonce) co_return true;
    co_return co_await completion_of<bool>(
        lanes.in_store, [&](Completion<bool> done) { service.keys.consume(actor, std::move(done)); });
}

// Where an authenticator that asks another process runs. The route is not known yet.
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

asio::awaitable<void> call_handler(Service const& service, Exchange& exchange, Lanes const& lanes) {
    bool const dry_run = exchange.dry_run();
    auto const& handler = dry_run ? exchange.route->dry_run : exchange.route->handle;
    auto const lane = dry_run ? Lane::plans : exchange.route->lane;
    std::optional<PlanSlots::Slot> slot;
    if (lane == Lane::plans) {
        if (auto const why = lanes.plan_slots.take(exchange.result.who, slot)) {
            exchange.result.answer = problem(503, "unavailable", *why);
            co_return;
        }
    }
    if (lane != Lane::connection)
        co_await asio::post(asio::bind_executor(executor_of(lane, lanes), asio::use_awaitable));
    if (handler.returns != nullptr) {
        exchange.result.answer = handler.returns(service, exchange.call);
        co_return;
    }
    exchange.result.answer = co_await completion_of<Answer>(
        lanes.in_store, [&](Completion<Answer> done) { handler.completes(service, exchange.call, std::move(done)); });
}

// The nonce is consumed before a handler has an effect: in the transaction of its write if it writes.
asio::awaitable<void> handle(Service const& service, Exchange& exchange, Lanes const& lanes) {
    bool const writes =
        exchange.next == Exchange::handle && exchange.route->nonce == NonceUse::with_write && !exchange.dry_run();
    bool fresh = true;
    if (!writes) fresh = co_await consume_nonce(service, exchange.actor, lanes);
    if (fresh && exchange.next == Exchange::handle) {
        co_await call_handler(service, exchange, lanes);
        fresh = co_await consume_nonce(service, exchange.actor, lanes);  // if the handler refused before its write
    }
    if (!fresh) exchange.result.answer = unauthenticated();
}

Answer failed(Service const& service, Request const& request, std::exception_ptr const& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (Fault const& e) {
        service.log.write(Level::warning, "a request failed", {{"why", e.what()}, {"request", request.id}});
        return problem(503, "unavailable", e.what());
    } catch (std::exception const& e) {
        service.log.write(Level::error, "a request failed with an internal error",
                          {{"why", e.what()}, {"request", request.id}});
        return problem(500, "internal", "internal error; see the log");
    }
}

void count(Metrics& metrics, Exchange const& exchange, std::chrono::steady_clock::duration took) {
    auto const* route = exchange.route;
    auto const& result = exchange.result;
    metrics.request(route != nullptr ? route->method : "none", route != nullptr ? route->path : "none",
                    result.answer.status, took);
    if (result.who.empty()) metrics.refused(code_of(result.answer));
}

}  // namespace

asio::awaitable<DispatchResult> dispatch(Service const& service, Authenticator const& authenticator,
                                         Request const& request, Connection const& connection, Lanes lanes) {
    auto const started = std::chrono::steady_clock::now();
    Exchange exchange(request, connection);
    try {
        if (authenticator.blocks())
            co_await asio::post(asio::bind_executor(blocking(request, lanes), asio::use_awaitable));
        authenticate(service, authenticator, exchange);
        if (authenticator.blocks()) co_await asio::dispatch(co_await asio::this_coro::executor, asio::use_awaitable);
        if (exchange.next != Exchange::nothing) co_await handle(service, exchange, lanes);
    } catch (std::exception const&) {
        exchange.result.answer = failed(service, request, std::current_exception());
    }
    if (service.metrics != nullptr) count(*service.metrics, exchange, std::chrono::steady_clock::now() - started);
    co_await asio::dispatch(co_await asio::this_coro::executor, asio::use_awaitable);  // back to the caller's
    co_return std::move(exchange.result);
}

DispatchResult dispatch_and_wait(Service const& service, Authenticator const& authenticator, Request const& request,
                                 Connection const& connection) {
    asio::io_context io;
    std::atomic<int> in_store = 0;
    PlanSlots plan_slots;
    Lanes const lanes{io.get_executor(), io.get_executor(), io.get_executor(), io.get_executor(), plan_slots, in_store};
    auto out = asio::co_spawn(io, dispatch(service, authenticator, request, connection, lanes), asio::use_future);
    io.run();
    while (in_store > 0) std::this_thread::yield();  // the store's thread is still using `io`
    return out.get();
}

}  // namespace genesis
