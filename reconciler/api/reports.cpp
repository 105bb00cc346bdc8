// What is outstanding, what differs, what was done, and how the daemon itself is.
#include "reconciler/api/handlers.hpp"

#include <tuple>

namespace genesis::handlers {
namespace {

constexpr std::chrono::seconds patience{
    60};  // a look at the whole server takes seconds, a hung driver has its own deadline

Answer absent(Call const& call) { return problem(404, "not_found", "there is no " + call.ref().str()); }

std::string text_at(json::object const& from, std::string_view name) {
    auto const* value = from.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Since when each record differs, as the status of its object has it.
class Since {
public:
    explicit Since(Service const& service) : service_(service) {}
    std::string of(json::object const& entry) {
        auto const object = text_at(entry, "object");
        if (!known_.contains(object)) read(object);
        auto const& records = known_[object];
        auto const it = records.find({text_at(entry, "kind"), text_at(entry, "key")});
        return it == records.end() ? std::string() : it->second;
    }

private:
    void read(std::string const& object) {
        auto& records = known_[object];
        auto const slash = object.find('/');
        if (slash == std::string::npos) return;
        auto const stored = service_.store.find({object.substr(0, slash), object.substr(slash + 1)});
        if (!stored) return;
        auto const status = service_.engine.status(*stored);
        auto const* list = status.if_contains("records");
        if (list == nullptr || !list->is_array()) return;
        for (auto const& record : list->get_array()) {
            auto const& r = record.as_object();
            records[{text_at(r, "kind"), text_at(r, "key")}] = text_at(r, "since");
        }
    }
    Service const& service_;
    std::map<std::string, std::map<Ref, std::string>> known_;
};

json::array differences(json::object const& entry) {
    json::array out;
    auto const* changes = entry.if_contains("changes");
    if (changes == nullptr || !changes->is_array()) return out;
    for (auto const& change : changes->get_array()) {
        auto const& c = change.as_object();
        out.push_back({{"path", c.at("path")}, {"want", c.at("to")}, {"have", c.at("from")}});
    }
    return out;
}

json::array drift_of(Service const& service, json::object const& plan) {
    json::array items;
    Since since(service);
    for (auto const* part : {"steps", "holds"}) {
        auto const* entries = plan.if_contains(part);
        if (entries == nullptr || !entries->is_array()) continue;
        for (auto const& value : entries->get_array()) {
            auto const& e = value.as_object();
            bool const held = std::string_view(part) == "holds";
            items.push_back({{"object", text_at(e, "object")},
                             {"kind", text_at(e, "kind")},
                             {"key", text_at(e, "key")},
                             {"verb", held ? "hold" : text_at(e, "verb")},
                             {"cause", text_at(e, "cause")},
                             {"since", since.of(e)},
                             {"reason", text_at(e, "reason")},
                             {"message", text_at(e, "message")},
                             {"changes", differences(e)}});
        }
    }
    return items;
}

Answer with(json::object body) {
    Answer out;
    out.body = std::move(body);
    return out;
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

json::object wait_for(std::future<json::object> plan) {
    if (plan.wait_for(patience) != std::future_status::ready) throw Fault("the loop did not answer in time");
    try {
        return plan.get();
    } catch (std::future_error const&) {  // a question that was dropped
        throw Fault("the daemon is stopping");
    }
}

Answer plan(Service const& service, Call const& call) {
    if (!service.store.find(call.ref())) return absent(call);
    return with(wait_for(service.engine.plan(call.ref())));
}
Answer plan_all(Service const& service, Call const&) { return with(wait_for(service.engine.plan(std::nullopt))); }

Answer drift(Service const& service, Call const& call) {
    if (!service.store.find(call.ref())) return absent(call);
    return with({{"items", drift_of(service, wait_for(service.engine.plan(call.ref())))}});
}
Answer drift_all(Service const& service, Call const&) {
    return with({{"items", drift_of(service, wait_for(service.engine.plan(std::nullopt)))}});
}

// Of an object that is gone as well: what was done to it stays known.
Answer history(Service const& service, Call const& call) { return history_of(service, call, call.ref()); }
Answer history_all(Service const& service, Call const& call) { return history_of(service, call, std::nullopt); }

Answer info(Service const& service, Call const&) {
    auto const& s = service.settings;
    json::array listen;
    if (service.listening != nullptr)
        for (auto const& address : service.listening->open()) listen.push_back(json::string(address));
    return with({{"node", s.node},
                 {"audience", "node:" + s.node},
                 {"version", s.version},
                 {"socket", s.socket},
                 {"listen", std::move(listen)}});
}

Answer healthz(Service const& service, Call const&) {
    if (!service.store.healthy()) return problem(503, "unhealthy", "the store cannot write");
    return with({{"status", "ok"}});
}

Answer readyz(Service const& service, Call const&) {
    auto reasons = service.engine.not_ready();
    if (!service.store.healthy()) reasons.emplace_back("the store cannot write");
    if (service.listening != nullptr)
        for (auto const& problem : service.listening->problems()) reasons.push_back(problem);
    if (reasons.empty()) return with({{"status", "ready"}});
    Problems problems;
    for (auto const& r : reasons) problems.push_back({"", "not_ready", r});
    return problem(503, "not_ready", reasons.front(), problems);
}

Answer metrics(Service const& service, Call const&) {
    if (service.metrics == nullptr) return problem(503, "unavailable", "nothing is counted here");
    Answer out;
    out.type = metrics_type;
    out.text = service.metrics->text();
    return out;
}

Answer description(Service const&, Call const&) { return with(openapi()); }

}  // namespace genesis::handlers
