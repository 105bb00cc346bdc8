// For tests of signed requests: a service in this process, its keys, and a client that signs.
#pragma once
#include "reconciler/api/auth/signed_requests.hpp"
#include "reconciler/api/routes/dispatch.hpp"
#include "reconciler/api/routes/fake_engine.hpp"
#include "reconciler/api/routes/openapi_conformance.hpp"
#include "reconciler/store/store_fixture.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <atomic>
#include <thread>

namespace genesis {

struct NothingReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const&) const override { return std::nullopt; }
    [[nodiscard]] std::optional<std::string> domain(std::string const&) const override { return std::nullopt; }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {"8.1", "8.2"}; }
};
struct NoLog final : Log {
    void write(Level, std::string_view, Fields) override {}
};

inline std::string new_nonce() {
    static std::atomic<std::int64_t> next = 0;
    auto const number = std::to_string(next++);
    return std::string(22 - number.size(), 'N') + number;
}

struct Signer {
    std::string kid = "billing";
    Secret secret;
    std::string audience = "node:node1";
};

// Signs as a client would: the header is made from the rest of the request.
inline Request sign(Request request, Signer const& by, std::int64_t ts, std::string const& nonce = new_nonce()) {
    auto const text = string_to_sign(by.kid, ts, nonce, request.method, by.audience, request.target,
                                     request.header("content-type"), request.header("if-match"), request.body);
    request.headers["authorization"] = std::string(signing_scheme) + " kid=" + by.kid + ",ts=" + std::to_string(ts) +
                                       ",nonce=" + nonce + ",sig=" + hmac_hex(by.secret, text);
    return request;
}

class AuthFixture : public StoreFixture {
public:
    explicit AuthFixture(std::string audience = "node:node1") : audience_(std::move(audience)) { wire(); }

    // Closes and opens the store and discards everything in memory.
    void restart() {
        reopen();
        wire();
    }
    Signer add(std::string const& kid, std::vector<std::string> scopes, std::vector<std::string> cidrs = {}) {
        ApiKey key;
        key.kid = kid;
        key.secret = new_key_secret();
        key.scopes = std::move(scopes);
        key.cidrs = std::move(cidrs);
        key.created = clock.now();
        store().add_key(key, Actor{});
        return {kid, key.secret, audience_};
    }
    [[nodiscard]] std::int64_t now() const { return clock.milliseconds / 1000; }
    [[nodiscard]] Request signed_by(Signer const& by, std::string const& method, std::string const& target,
                                    std::string const& body = "") const {
        return sign({method, target, {}, body, "req"}, by, now());
    }
    // The answer to a request from a network address.
    Answer send(Request const& request, std::string const& from = "192.0.2.7") {
        auto const said = dispatch_and_wait(*service_, *requests_, request, {std::nullopt, from});
        return hold(request.method, request.target, said.answer);
    }
    Answer ask(Signer const& by, std::string const& method, std::string const& target, std::string const& body = "") {
        return send(signed_by(by, method, target, body));
    }
    // The same, from root over the local socket.
    Answer ask_locally(std::string const& method, std::string const& target, std::string const& body = "") {
        auto const said = dispatch_and_wait(*service_, peers_, {method, target, {}, body, "req"}, {Peer{0, 0, {}, 1}});
        return hold(method, target, said.answer);
    }
    KeyRing& ring() { return *ring_; }
    SignedRequests const& requests() { return *requests_; }

    // Rows of every table, as "table: count" lines.
    std::string rows() const {
        SQLite::Database db(path(), SQLite::OPEN_READONLY);
        std::string out;
        SQLite::Statement tables(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
        while (tables.executeStep()) {
            auto const name = tables.getColumn(0).getString();
            out += name + ": " + db.execAndGet("SELECT count(*) FROM \"" + name + "\"").getString() + "\n";
        }
        return out;
    }

    FakeEngine engine;
    std::int64_t per_second = 0, burst = 0;
    void wire() {
        ring_ = std::make_unique<KeyRing>(store());
        limits_ = std::make_unique<TokenBuckets>(clock, per_second, burst);
        requests_ = std::make_unique<SignedRequests>(*ring_, clock, audience_, *limits_);
        admission_.emplace(Admission{store(), reserved_});
        ApiSettings settings;
        settings.node = "node1";
        service_.emplace(Service{store(), store(), store(), store(), *admission_, engine, settings, log_, clock});
    }

private:
    std::string const audience_;
    NothingReserved reserved_;
    NoLog log_;
    PeerCredentials const peers_{std::nullopt};
    std::optional<Admission> admission_;
    std::unique_ptr<KeyRing> ring_;
    std::unique_ptr<TokenBuckets> limits_;
    std::unique_ptr<SignedRequests> requests_;
    std::optional<Service> service_;
    ConformsToOpenApi described_;
};

// Runs work(i) for i of 0 … count - 1, on so many threads at once.
template <class F>
void at_once(int threads, int count, F const& work) {
    std::atomic<int> next = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([&] {
            for (int i = next++; i < count; i = next++) work(i);
        });
    for (auto& thread : all) thread.join();
}

}  // namespace genesis
