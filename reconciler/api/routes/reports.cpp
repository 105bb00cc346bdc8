// Handlers of plans, drift, history, and of the daemon's own state.
#include "reconciler/api/routes/handlers.hpp"

namespace genesis::handlers {
namespace {

// Observing a whole server takes seconds; a hung driver has a deadline of its own.
constexpr std::chrono::seconds plan_timeout{60};

Answer absent(Call const& call) { return problem(404, "not_found", "there is no " + call.ref().str()); }

// Since when each record differs, as the status of its object says; empty where that still has it as wanted.
class Since {
public:
    explicit Since(Service const& service) : service_(service) {}
    std::string of(Ref const& object, Ref const& record) {
        auto [known, unread] = known_.try_emplace(object);
        if (unread)
            if (auto const stored = service_.store.find(object))
                for (auto const& r : service_.engine.status(*stored).records)
                    if (r.state != SyncState::in_sync) known->second[{r.kind, r.key}] = r.since;
        auto const it = known->second.find(record);
        return it == known->second.end() ? std::string() : it->second;
    }

private:
    Service const& service_;
    std::map<Ref, std::map<Ref, std::string>> known_;
};

json::array differences(std::vector<Change> const& changes) {
    json::array out;
    for (auto const& change : describe(changes))
        out.push_back({{"path", change.at("path")}, {"want", change.at("to")}, {"have", change.at("from")}});
    return out;
}

json::object difference(Ref const& object, Ref const& record, std::string_view verb, std::string_view cause,
                        std::string_view since, std::vector<Change> const& changes) {
    return {{"object", object.kind.empty() ? "" : object.str()},
            {"kind", record.kind},
            {"key", record.key},
            {"verb", verb},
            {"cause", cause},
            {"since", since},
            {"reason", ""},
            {"message", ""},
            {"changes", differences(changes)}};
}

Answer with(json::object body) {
    Answer out;
    out.body = std::move(body);
    return out;
}

Answer drift_of(Service const& service, Plan const& plan) {
    json::array items;
    Since since(service);
    for (auto const& planned : plan.steps) {
        auto const& s = planned.step;
        items.push_back(
            difference(s.object, s.ref, word_of(s.verb), word_of(planned.cause), since.of(s.object, s.ref), s.changes));
    }
    for (auto const& h : plan.holds) {
        auto item = difference(h.object, h.ref, "hold", word_of(h.cause), since.of(h.object, h.ref), h.changes);
        item["reason"] = word_of(h.reason);
        item["message"] = h.message;
        items.push_back(std::move(item));
    }
    return with({{"items", std::move(items)}, {"unreachable", unreachable_of(plan)}});
}

Answer history_of(Service const& service, Call const& call, std::optional<Ref> const& object) {
    auto const number = [&](std::string_view name, std::int64_t otherwise) {
        auto const it = call.query.find(name);
        return it == call.query.end() ? otherwise : std::stoll(it->second);
    };
    json::array items;
    auto const limit = static_cast<std::size_t>(number("limit", 100));
    for (auto const& h : service.ledger.history(object, number("before", 0), limit))
        items.push_back({{"id", h.id},
                         {"at", iso(h.at)},
                         {"object", h.object.str()},
                         {"kind", h.ref.kind},
                         {"key", h.ref.key},
                         {"verb", h.verb},
                         {"cause", h.cause},
                         {"changes", h.changes},
                         {"outcome", h.outcome},
                         {"why", h.why},
                         {"request", h.request}});
    return with({{"items", std::move(items)}});
}

}  // namespace

Plan wait_for(std::future<Plan> plan) {
    if (plan.wait_for(plan_timeout) != std::future_status::ready) throw Fault("the loop did not answer in time");
    try {
        return plan.get();
    } catch (std::future_error const&) {  // the request for it was dropped
        throw Fault("the daemon is stopping");
    }
}

Answer plan(Service const& service, Call const& call) {
    if (!service.store.find(call.ref())) return absent(call);
    return with(describe(wait_for(service.engine.plan(call.ref()))));
}
Answer plan_all(Service const& service, Call const&) {
    return with(describe(wait_for(service.engine.plan(std::nullopt))));
}

Answer drift(Service const& service, Call const& call) {
    if (!service.store.find(call.ref())) return absent(call);
    return drift_of(service, wait_for(service.engine.plan(call.ref())));
}
Answer drift_all(Service const& service, Call const&) {
    return drift_of(service, wait_for(service.engine.plan(std::nullopt)));
}

// Also of a removed object: its history is kept.
Answer history(Service const& service, Call const& call) { return history_of(service, call, call.ref()); }
Answer history_all(Service const& service, Call const& call) { return history_of(service, call, std::nullopt); }

Answer info(Service const& service, Call const&) {
    auto const& s = service.settings;
    json::array listen;
    if (service.listening != nullptr)
        for (auto const& address : service.listening->open()) listen.push_back(json::string(address));
    json::array problems;
    if (service.spec_problems)
        for (auto const& problem : service.spec_problems()) problems.push_back(json::string(problem));
    return with({{"node", s.node},
                 {"audience", "node:" + s.node},
                 {"version", s.version},
                 {"socket", s.socket},
                 {"all_paused", service.store.all_paused()},
                 {"listen", std::move(listen)},
                 {"spec_problems", std::move(problems)}});
}

Answer healthz(Service const& service, Call const&) {
    if (auto const why = service.store.unhealthy()) return problem(503, "unhealthy", *why);
    return with({{"status", "ok"}});
}

Answer readyz(Service const& service, Call const&) {
    auto reasons = service.engine.not_ready();
    if (auto const why = service.store.unhealthy()) reasons.push_back(*why);
    if (service.listening != nullptr)
        for (auto const& problem : service.listening->problems()) reasons.push_back(problem);
    if (reasons.empty()) return with({{"status", "ready"}});
    Problems problems;
    for (auto const& r : reasons) problems.push_back({"", "not_ready", r});
    return problem(503, "not_ready", reasons.front(), problems);
}

Answer metrics(Service const& service, Call const&) {
    if (service.metrics == nullptr) return problem(503, "unavailable", "this server has no metrics");
    Answer out;
    out.type = metrics_type;
    out.text = service.metrics->text();
    return out;
}

Answer description(Service const&, Call const&) { return with(openapi()); }

}  // namespace genesis::handlers
