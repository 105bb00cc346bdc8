// Handlers that store, read, list, remove and control objects.
#include "reconciler/api/routes/handlers.hpp"
#include "resources/schema/document.hpp"

#include <algorithm>
#include <charconv>

namespace genesis::handlers {
namespace {

Answer absent(Call const& call) { return problem(404, "not_found", "there is no " + call.ref().str()); }

json::object head(Ref const& ref, std::int64_t generation) {
    return {{"kind", ref.kind}, {"name", ref.key}, {"generation", generation}};
}

std::vector<AllocationStatus> allocations_of(Object const& object) {
    std::vector<AllocationStatus> out;
    for (auto const& [slot, a] : object.allocations)
        out.push_back({slot, a.space, a.pool, a.value ? std::optional(text_of(*a.value)) : std::nullopt, a.why});
    return out;
}

json::object envelope(Object const& object, Status status) {
    status.allocations = allocations_of(object);
    auto out = head(object.ref, object.generation);
    out["source"] = object.source;
    out["request"] = object.request;
    out["paused"] = object.paused;
    out["terminating"] = object.terminating ? json::value(iso(*object.terminating)) : json::value(nullptr);
    out["spec"] = redact(*find_kind(object.ref.kind)->schema, object.spec);
    out["status"] = encode(status);
    return out;
}

std::optional<std::int64_t> quoted_generation(std::string_view text) {
    if (text.size() < 3 || text.front() != '"' || text.back() != '"') return std::nullopt;
    std::int64_t out = 0;
    auto const* end = text.data() + text.size() - 1;
    auto const [stopped, error] = std::from_chars(text.data() + 1, end, out);
    if (error != std::errc() || stopped != end || out < 0) return std::nullopt;
    return out;
}

Checked<AdmissionOptions> options_of(Call const& call) {
    AdmissionOptions out;
    out.actor = &call.actor;
    out.take_over = call.flag("take_over");
    if (auto const text = call.request.header("if-match"); !text.empty()) {
        out.if_match = quoted_generation(text);
        if (!out.if_match) return Refused{{{"", "malformed", "If-Match must be one generation in quotes"}}};
    }
    if (auto const text = call.request.header("if-none-match"); !text.empty()) {
        if (text != "*") return Refused{{{"", "malformed", "If-None-Match must be *"}}};
        out.if_none_match = true;
    }
    return out;
}

bool is_json(std::string_view type) {
    return type.empty() || type == "application/json" || type.starts_with("application/json;");
}

struct PendingPut {
    Spec spec;
    AdmissionOptions options;
};

// The put that a request asks for, or its problem.
boost::system::result<PendingPut, Answer> read_put(Call const& call) {
    if (!is_json(call.request.header("content-type")))
        return problem(415, "unsupported_media_type", "the body must be application/json");
    auto const options = options_of(call);
    if (!options) return problem(options.error(), 400, "malformed");
    auto body = parse_json(call.request.body);
    if (!body) return problem(body.error(), 400, "malformed");
    auto spec = read_spec(*call.kind, call.name, std::move(*body));
    if (!spec) return problem(spec.error(), 422, "invalid");
    return PendingPut{std::move(*spec), *options};
}

Answer written_answer(Service const& service, Call const& call, Stored<Written> const& written) {
    if (!written) return problem(written.error());
    bool const unchanged = written->how == Wrote::unchanged;
    if (!unchanged) service.engine.wake(call.ref());
    Answer out;
    out.status = unchanged ? 200 : 202;
    out.generation = written->generation;
    auto said = head(call.ref(), written->generation);
    said["result"] = unchanged ? "unchanged" : written->how == Wrote::created ? "created" : "changed";
    out.body = std::move(said);
    return out;
}

// Ready at the stored generation: a status from before the last change does not count.
bool is_ready(Status const& status, std::int64_t generation) {
    return status.observed_generation >= generation && is_true(status.conditions, ConditionType::ready);
}

Answer controlled(Service const& service, Call const& call, Stored<Written> const& written) {
    if (!written) return problem(written.error());
    service.engine.wake(call.ref());
    Answer out;
    out.body = head(call.ref(), written->generation);
    return out;
}

Answer preview(Service const& service, Object const& object) {
    Answer out;
    out.body = describe(wait_for(service.engine.preview(object)));
    return out;
}

// Generation 0: there was no such object.
Answer removed_answer(Call const& call, std::int64_t generation) {
    Answer out;
    out.status = generation == 0 ? 200 : 202;
    auto said = head(call.ref(), generation);
    said["result"] = generation == 0 ? "absent" : "terminating";
    out.body = std::move(said);
    return out;
}

Answer set_all_paused(Service const& service, Call const& call, bool paused) {
    if (!service.store.set_all_paused(paused, call.actor)) return unauthenticated();
    service.engine.wake_all();
    return {};
}

}  // namespace

Answer put_dry_run(Service const& service, Call const& call) {
    auto pending = read_put(call);
    if (!pending) return pending.error();
    auto const object = dry_run(service.admission, std::move(pending->spec), pending->options);
    if (!object) return problem(object.error());
    return preview(service, *object);
}

void put(Service const& service, Call const& call, Completion<Answer> done) {
    auto pending = read_put(call);
    if (!pending) return done(nullptr, pending.error());
    auto const stored = [&service, &call, done = std::move(done)](std::exception_ptr failure,
                                                                  Stored<Written> const& written) {
        Answer answer;
        try {
            if (!failure) answer = written_answer(service, call, written);
        } catch (...) {  // nothing may escape on the store's thread
            failure = std::current_exception();
        }
        done(failure, std::move(answer));
    };
    admit(service.admission, std::move(pending->spec), pending->options, stored);
}

Answer get(Service const& service, Call const& call) {
    auto const object = service.store.find(call.ref());
    if (!object) return absent(call);
    Answer out;
    out.generation = object->generation;
    out.body = envelope(*object, service.engine.status(*object));
    return out;
}

Answer list(Service const& service, Call const& call) {
    auto const limit = call.query.contains("limit") ? std::stoul(call.query.at("limit")) : 100;
    auto const* ready = call.query.contains("ready") ? &call.query.at("ready") : nullptr;
    std::string next = call.query.contains("after") ? call.query.at("after") : "";
    json::array items;
    for (bool more = true; more;) {
        auto const page = service.store.list(std::string(call.kind->schema->kind), next, limit + 1);
        more = page.size() == limit + 1;
        for (auto const& object : page) {
            if (items.size() == limit) return {200, {{"items", std::move(items)}, {"next", next}}};
            auto const status = service.engine.status(object);
            if (ready == nullptr || (*ready == "true") == is_ready(status, object.generation))
                items.push_back(envelope(object, status));
            next = object.ref.key;
        }
    }
    return {200, {{"items", std::move(items)}, {"next", ""}}};
}

std::optional<bool> purge_of(Call const& call) {
    if (call.flag("keep_data")) return false;
    return call.flag("purge") ? std::optional(true) : std::nullopt;
}

Answer remove(Service const& service, Call const& call) {
    auto const options = options_of(call);
    if (!options) return problem(options.error(), 400, "malformed");
    auto const written = service.store.remove(call.ref(), purge_of(call), "api", &call.actor, options->if_match);
    if (!written) return problem(written.error());
    if (written->how != Wrote::unchanged) service.engine.wake(call.ref());
    return removed_answer(call, written->generation);
}

Answer remove_dry_run(Service const& service, Call const& call) {
    auto const options = options_of(call);
    if (!options) return problem(options.error(), 400, "malformed");
    auto const left = service.store.remove_dry_run(call.ref(), purge_of(call), "api", options->if_match);
    if (!left) return problem(left.error());
    return *left ? preview(service, **left) : removed_answer(call, 0);
}

Answer reconcile(Service const& service, Call const& call) {
    if (call.flag("confirm_removals")) {
        if (auto const done = service.store.confirm_removals(call.ref(), &call.actor); !done)
            return problem(done.error());
    } else if (!service.store.find(call.ref())) {
        return absent(call);
    }
    service.engine.wake(call.ref());
    Answer out;
    out.status = 202;
    return out;
}

Answer reconcile_all(Service const& service, Call const& call) {
    if (call.flag("confirm_removals"))
        for (auto const& object : service.store.objects())
            (void)service.store.confirm_removals(object.ref, &call.actor);  // one that is gone meanwhile needs none
    service.engine.wake_all();
    Answer out;
    out.status = 202;
    return out;
}

Answer pause(Service const& service, Call const& call) {
    return controlled(service, call, service.store.set_paused(call.ref(), true, &call.actor));
}
Answer resume(Service const& service, Call const& call) {
    return controlled(service, call, service.store.set_paused(call.ref(), false, &call.actor));
}
Answer adopt(Service const& service, Call const& call) {
    return controlled(service, call, service.store.set_adopt(call.ref(), true, &call.actor));
}
Answer take_over(Service const& service, Call const& call) {
    return controlled(service, call, service.store.set_source(call.ref(), "api", &call.actor));
}

Answer pause_all(Service const& service, Call const& call) { return set_all_paused(service, call, true); }
Answer resume_all(Service const& service, Call const& call) { return set_all_paused(service, call, false); }

Answer credentials(Service const& service, Call const& call) {
    if (!service.store.find(call.ref())) return absent(call);
    json::array list;
    auto const taken = service.store.take_credentials(call.ref(), &call.actor);
    if (!taken) return problem(taken.error());
    for (auto const& [label, secret] : *taken) list.push_back({{"label", label}, {"secret", secret.reveal()}});
    Answer out;
    out.body = {{"credentials", std::move(list)}};
    return out;
}

}  // namespace genesis::handlers
