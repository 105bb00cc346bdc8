// Signing keys, sealed, and the nonces that were spent with them.
#include "reconciler/store/sqlite.hpp"

#include <sstream>

namespace genesis {
namespace {

// Twice the time a signature is good for, and a minute: nothing that may still be signed for is ever forgotten.
constexpr std::int64_t keep_seconds = 300, prune_every_seconds = 60;
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

std::int64_t SqliteStore::mark(std::string const& name) {
    Use row(sql_.mark, node_, name);
    return row.row() ? row.integer(0) : 0;
}

void SqliteStore::set_mark(std::string const& name, std::int64_t value) {
    Use(sql_.set_mark, node_, name, value).run();
}

bool SqliteStore::spend_now(Origin* by) {
    if (by == nullptr || !by->nonce) return true;
    auto const nonce = *by->nonce;
    auto const horizon = mark("nonce_horizon");
    if (nonce.ts <= horizon || Use(sql_.spend, node_, nonce.ts, nonce.kid, nonce.value).run() == 0) return false;
    by->nonce.reset();
    auto const newest = mark("nonce_newest");
    if (nonce.ts <= newest) return true;
    set_mark("nonce_newest", nonce.ts);
    prune_nonces(nonce.ts, horizon);
    return true;
}

// By what was signed for, never by the clock: a clock that jumps forward forgets nothing.
void SqliteStore::prune_nonces(std::int64_t newest, std::int64_t horizon) {
    auto const next = newest - keep_seconds;
    if (next < horizon + prune_every_seconds) return;
    Use(sql_.forget_nonces, node_, next).run();
    set_mark("nonce_horizon", next);
}

bool SqliteStore::spend(Origin& by) {
    return commit_.run([&] { return spend_now(&by); });
}

void SqliteStore::spend(Origin& by, Told<bool> told) {
    commit_.post([this, &by] { return spend_now(&by); }, std::move(told));
}

template <class F>
bool SqliteStore::change_keys(F const& change) {
    std::int64_t version = 0;
    bool const changed = commit_.run([&] {
        if (!change()) return false;
        version = mark("keys") + 1;
        set_mark("keys", version);
        return true;
    });
    if (changed) raise(keys_version_, version);
    return changed;
}

bool SqliteStore::insert_key(ApiKey const& key) {
    auto const sealed = vault_.seal(key.secret, key_bound_to(node_, key.kid, key.version));
    auto const scopes = joined(key.scopes), cidrs = joined(key.cidrs);
    return Use(sql_.insert_key, node_, key.kid, key.version, sealed, scopes, cidrs, key.comment, key.created,
               key.not_before, key.expires)
               .run() > 0;
}

bool SqliteStore::add_key(ApiKey const& key, Origin const& by) {
    return change_keys([&] {
        if (!insert_key(key)) return false;
        note(by, "key-add", {"key", key.kid}, key.version,
             changes({{"/scopes", joined(key.scopes)}, {"/cidrs", joined(key.cidrs)}}));
        return true;
    });
}

std::optional<ApiKey> SqliteStore::rotate_key(std::string const& kid, Secret const& secret, Time former_end,
                                              Origin const& by) {
    std::optional<ApiKey> next;
    change_keys([&] {
        auto const now = clock_.now();
        for (auto& key : keys())  // the newest is last
            if (key.kid == kid && key.valid_at(now)) next = std::move(key);
        if (!next) return false;
        Use(sql_.expire_key, node_, kid, former_end).run();
        next->version += 1;
        next->secret = secret;
        next->created = now;
        next->not_before.reset();
        if (!insert_key(*next)) throw Fault("a newer secret of " + kid + " is not valid yet");
        note(by, "key-rotate", {"key", kid}, next->version, changes({{"/former_end", iso(former_end)}}));
        return true;
    });
    return next;
}

std::vector<ApiKey> SqliteStore::keys() {
    return read([&](Statements& sql) {
        std::vector<ApiKey> out;
        for (Use row(sql.keys, node_); row.row();) {
            ApiKey k;
            k.kid = row.text(0);
            k.version = row.integer(1);
            k.secret = vault_.unseal(row.text(2), key_bound_to(node_, k.kid, k.version));
            k.scopes = words_of(row.text(3));
            k.cidrs = words_of(row.text(4));
            k.comment = row.text(5);
            k.created = row.time(6);
            k.not_before = row.maybe_time(7);
            k.expires = row.maybe_time(8);
            k.revoked = row.maybe_time(9);
            out.push_back(std::move(k));
        }
        return out;
    });
}

bool SqliteStore::expire_key(std::string const& kid, Time at, Origin const& by) {
    return change_keys([&] {
        if (Use(sql_.expire_key, node_, kid, at).run() == 0) return false;
        note(by, "key-expire", {"key", kid}, 0, changes({{"/expires", iso(at)}}));
        return true;
    });
}

bool SqliteStore::revoke_key(std::string const& kid, Origin const& by) {
    return change_keys([&] {
        if (Use(sql_.revoke_key, node_, kid, clock_.now()).run() == 0) return false;
        note(by, "key-revoke", {"key", kid}, 0);
        return true;
    });
}

// What others wrote to the file is looked for at most four times a second.
std::int64_t SqliteStore::keys_version() {
    auto const now = clock_.steady(), looked = keys_looked_.load();
    if (looked != Steady() && now - looked < look_for_keys_every) return keys_version_;
    raise(keys_version_, read([&](Statements& sql) {
              Use row(sql.mark, node_, "keys");
              return row.row() ? row.integer(0) : std::int64_t{0};
          }));
    keys_looked_ = now;
    return keys_version_;
}

}  // namespace genesis
