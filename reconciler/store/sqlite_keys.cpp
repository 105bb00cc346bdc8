// Signing keys, sealed; what changes them counts up their version.
#include "reconciler/store/sqlite_keys.hpp"

#include <sstream>

namespace genesis {
namespace {

constexpr std::chrono::milliseconds look_for_keys_every{250};

void raise(std::atomic<std::int64_t>& number, std::int64_t to) {
    for (auto was = number.load(); was < to && !number.compare_exchange_weak(was, to);) continue;
}

std::string joined(std::vector<std::string> const& words) {
    std::string out;
    for (auto const& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}
std::vector<std::string> words_of(std::string const& text) {
    std::istringstream in(text);
    std::vector<std::string> out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

using New = std::pair<std::string_view, std::string>;

std::string changes(std::initializer_list<New> const& all) {
    json::array out;
    for (auto const& [path, to] : all) out.push_back({{"path", path}, {"from", nullptr}, {"to", to}});
    return json::serialize(out);
}

std::string key_bound_to(std::string const& node, std::string const& kid, std::int64_t version) {
    return node + "|key/" + kid + "|" + std::to_string(version);
}

}  // namespace

bool SqliteKeys::consume(Actor& actor) {
    return db_.run([&] { return nonces_.consume(&actor); });
}

void SqliteKeys::consume(Actor& actor, Completion<bool> completion) {
    db_.post([this, &actor] { return nonces_.consume(&actor); }, std::move(completion));
}

template <class F>
bool SqliteKeys::change_keys(F const& change) {
    std::int64_t version = 0;
    bool const changed = db_.run([&] {
        if (!change()) return false;
        version = db_.counter("keys") + 1;
        db_.set_counter("keys", version);
        return true;
    });
    if (changed) raise(keys_version_, version);
    return changed;
}

bool SqliteKeys::insert_key(ApiKey const& key) {
    auto const sealed = vault_.seal(key.secret, key_bound_to(db_.node(), key.kid, key.version));
    auto const scopes = joined(key.scopes), cidrs = joined(key.cidrs);
    return Use(db_.sql().insert_key, db_.node(), key.kid, key.version, sealed, scopes, cidrs, key.comment, key.created,
               key.not_before, key.expires)
               .run() > 0;
}

bool SqliteKeys::add_key(ApiKey const& key, Actor const& actor) {
    return change_keys([&] {
        if (!insert_key(key)) return false;
        trail_.note(actor, "key-add", {"key", key.kid}, key.version,
                    changes({{"/scopes", joined(key.scopes)}, {"/cidrs", joined(key.cidrs)}}));
        return true;
    });
}

std::optional<ApiKey> SqliteKeys::rotate_key(std::string const& kid, Secret const& secret, Time former_end,
                                             Actor const& actor) {
    std::optional<ApiKey> next;
    change_keys([&] {
        auto const now = db_.clock().now();
        for (auto& key : keys())  // the newest is last
            if (key.kid == kid && key.valid_at(now)) next = std::move(key);
        if (!next) return false;
        Use(db_.sql().expire_key, db_.node(), kid, former_end).run();
        next->version += 1;
        next->secret = secret;
        next->created = now;
        next->not_before.reset();
        if (!insert_key(*next)) throw Fault("a newer secret of " + kid + " is not valid yet");
        trail_.note(actor, "key-rotate", {"key", kid}, next->version, changes({{"/former_end", iso(former_end)}}));
        return true;
    });
    return next;
}

ApiKey SqliteKeys::read_key(Use const& row) const {
    ApiKey k;
    k.kid = row.text(0);
    k.version = row.integer(1);
    k.secret = vault_.unseal(row.text(2), key_bound_to(db_.node(), k.kid, k.version));
    k.scopes = words_of(row.text(3));
    k.cidrs = words_of(row.text(4));
    k.comment = row.text(5);
    k.created = row.time(6);
    k.not_before = row.maybe_time(7);
    k.expires = row.maybe_time(8);
    k.revoked = row.maybe_time(9);
    return k;
}

std::vector<ApiKey> SqliteKeys::keys() {
    return db_.read([&](Statements& sql) {
        return rows(Use(sql.keys, db_.node()), [&](Use const& row) { return read_key(row); });
    });
}

bool SqliteKeys::expire_key(std::string const& kid, Time at, Actor const& actor) {
    return change_keys([&] {
        if (Use(db_.sql().expire_key, db_.node(), kid, at).run() == 0) return false;
        trail_.note(actor, "key-expire", {"key", kid}, 0, changes({{"/expires", iso(at)}}));
        return true;
    });
}

bool SqliteKeys::revoke_key(std::string const& kid, Actor const& actor) {
    return change_keys([&] {
        if (Use(db_.sql().revoke_key, db_.node(), kid, db_.clock().now()).run() == 0) return false;
        trail_.note(actor, "key-revoke", {"key", kid}, 0);
        return true;
    });
}

// What others wrote to the file is looked for at most four times a second.
std::int64_t SqliteKeys::keys_version() {
    auto const now = db_.clock().steady(), looked = keys_looked_.load();
    if (looked != Steady() && now - looked < look_for_keys_every) return keys_version_;
    raise(keys_version_, db_.read_counter("keys"));
    keys_looked_ = now;
    return keys_version_;
}

}  // namespace genesis
