// Handlers of the keys that sign requests, and of the audit log.
#include "reconciler/api/auth/key_ring.hpp"
#include "reconciler/api/auth/signing.hpp"
#include "reconciler/api/routes/handlers.hpp"
#include "reconciler/api/routes/key_request.hpp"
#include "resources/schema/digest.hpp"
#include "resources/schema/document.hpp"

#include <algorithm>
#include <ctime>

namespace genesis {

// strptime() accepts too much: a value is valid only if it is printed as it was written.
std::optional<Time> instant_of(std::string_view text) {
    std::string whole(text);
    if (whole.size() == 10) whole += "T00:00:00Z";
    std::tm parts{};
    char const* end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    Time const out{std::chrono::seconds(::timegm(&parts))};
    if (iso(out).substr(0, 19) + "Z" != whole) return std::nullopt;
    return out;
}

namespace handlers {
namespace {

json::value maybe(std::optional<Time> const& time) { return time ? json::value(iso(*time)) : json::value(nullptr); }

json::array texts(std::vector<std::string> const& words) { return json::array(words.begin(), words.end()); }

json::object shown(ApiKey const& key) {
    return {{"kid", key.kid},
            {"version", key.version},
            {"scopes", texts(key.scopes)},
            {"cidrs", texts(key.cidrs)},
            {"comment", key.comment},
            {"created", iso(key.created)},
            {"not_before", maybe(key.not_before)},
            {"expires", maybe(key.expires)},
            {"revoked", maybe(key.revoked)}};
}

// The only answer with the secret of a key.
Answer with_secret(ApiKey const& key) {
    auto body = shown(key);
    body["secret"] = to_hex(key.secret.reveal());
    Answer out;
    out.body = std::move(body);
    return out;
}

// The decoded body; an empty body counts as {}.
template <class V>
boost::system::result<V, Answer> body_of(Call const& call) {
    auto const body = call.request.body.empty() ? Checked<json::value>(json::object()) : parse_json(call.request.body);
    if (!body) return problem(body.error(), 400, "malformed");
    auto value = decode<V>(*body);
    if (!value) return problem(value.error(), 422, "invalid");
    return std::move(*value);
}

Answer invalid(std::string const& path, std::string const& text) {
    return problem(Refused{{{path, "invalid", text}}}, 422, "invalid");
}

Answer no_such_key(std::string const& kid) { return problem(404, "not_found", "there is no key " + kid); }

std::optional<Time> maybe_instant(std::optional<Instant> const& text) {
    return text ? instant_of(text->str()) : std::nullopt;
}

ApiKey key_of(std::string const& kid, KeyRequest const& asked, Time now) {
    ApiKey key;
    key.kid = kid;
    for (auto const& [scope, word] : EnumNames<KeyScope>::names)  // each once, in the order of the enum
        if (std::find(asked.scopes.begin(), asked.scopes.end(), scope) != asked.scopes.end())
            key.scopes.emplace_back(word);
    for (auto const& cidr : asked.cidrs) key.cidrs.push_back(cidr.str());
    key.comment = asked.comment.str();
    key.created = now;
    key.not_before = maybe_instant(asked.not_before);
    key.expires = maybe_instant(asked.expires);
    return key;
}

}  // namespace

Answer keys(Service const& service, Call const&) {
    json::array items;
    for (auto const& key : service.keys.keys()) items.push_back(shown(key));
    return {200, {{"items", std::move(items)}}};
}

Answer add_key(Service const& service, Call const& call) {
    if (!is_kid(call.name)) return invalid("/kid", "must be 4 to 32 lower-case letters, digits and hyphens");
    auto const asked = body_of<KeyRequest>(call);
    if (!asked) return asked.error();
    auto key = key_of(call.name, *asked, service.clock.now());
    if (key.scopes.empty()) return invalid("/scopes", "must name at least one");
    if (key.expires && *key.expires <= std::max(key.created, key.not_before.value_or(key.created)))
        return invalid("/expires", "must be later than now and than not_before");
    key.secret = new_key_secret();
    if (!service.keys.add_key(key, call.actor))
        return problem(409, "name_taken", "key id " + call.name + " is or was in use; a key id is never reused");
    return with_secret(key);
}

Answer rotate_key(Service const& service, Call const& call) {
    auto const asked = body_of<KeyRotation>(call);
    if (!asked) return asked.error();
    auto const end = service.clock.now() + std::chrono::seconds(asked->overlap_seconds);
    auto const key = service.keys.rotate_key(call.name, new_key_secret(), end, call.actor);
    if (!key) return problem(404, "not_found", "there is no valid key " + call.name);
    return with_secret(*key);
}

Answer revoke_key(Service const& service, Call const& call) {
    if (!service.keys.revoke_key(call.name, call.actor)) {
        auto const all = service.keys.keys();
        if (std::none_of(all.begin(), all.end(), [&](ApiKey const& key) { return key.kid == call.name; }))
            return no_such_key(call.name);
    }
    return {200, {{"kid", call.name}, {"result", "revoked"}}};
}

Answer audit(Service const& service, Call const& call) {
    auto const number = [&](std::string_view name, std::int64_t otherwise) {
        auto const it = call.query.find(name);
        return it == call.query.end() ? otherwise : std::stoll(it->second);
    };
    json::array items;
    for (auto const& a : service.trail.audit(number("before", 0), static_cast<std::size_t>(number("limit", 100))))
        items.push_back({{"id", a.id},
                         {"at", iso(a.at)},
                         {"who", a.who},
                         {"from", a.from},
                         {"request", a.request},
                         {"action", a.action},
                         {"object", a.object.str()},
                         {"generation", a.generation},
                         {"changes", a.changes}});
    return {200, {{"items", std::move(items)}}};
}

}  // namespace handlers
}  // namespace genesis
