// What tests of the store share: a store in a directory of its own, and short ways to fill it.
#pragma once
#include "reconciler/store/sqlite.hpp"

#include <filesystem>
#include <memory>

namespace genesis {

struct TestClock final : Clock {
    std::atomic<std::int64_t> milliseconds{1'800'000'000'000};
    std::atomic<std::int64_t> ahead = 0;  // milliseconds that nobody waited for, beside those that really passed
    [[nodiscard]] Time now() const override { return Time(std::chrono::milliseconds(milliseconds.load())); }
    [[nodiscard]] Steady steady() const override {
        return std::chrono::steady_clock::now() + std::chrono::milliseconds(ahead);
    }
};

class StoreFixture {
public:
    StoreFixture() {
        char name[] = "/tmp/genesis-store-XXXXXX";
        directory_ = ::mkdtemp(name);
        open();
    }
    ~StoreFixture() {
        close();
        std::filesystem::remove_all(directory_);
    }
    StoreFixture(StoreFixture const&) = delete;
    StoreFixture& operator=(StoreFixture const&) = delete;

    void open() {
        store_ = std::make_unique<SqliteStore>(path(), "node1", Vault::with_key(Secret(key())), clock, ranges(), kinds,
                                               beneath);
    }
    void close() { store_.reset(); }
    void reopen() {
        close();
        open();
    }
    SqliteStore& store() { return *store_; }
    [[nodiscard]] std::string path() const { return directory_ + "/genesis.db"; }
    [[nodiscard]] std::string const& directory() const { return directory_; }
    static std::string key() { return "0123456789abcdef0123456789abcdef"; }

    TestClock clock;
    std::function<bool(std::int64_t)> free_uid = [](std::int64_t) { return true; };
    std::int64_t last_uid = 59999;
    Ranges more_ranges;
    std::span<ObjectKind const> kinds = object_kinds();
    NamesBeneath beneath = NamesBeneath::refused;

private:
    Ranges ranges() {
        auto out = more_ranges;
        out["uid"] = {20000, last_uid, [this](std::int64_t n) { return free_uid(n); }};
        return out;
    }
    std::string directory_;
    std::unique_ptr<SqliteStore> store_;
};

inline std::int64_t uid_of(Object const& object) { return numbers_of(object.allocations).at("uid"); }

// A complete spec, or the first problem thrown.
inline Spec spec_of(std::string_view text) { return read_spec(parse_json(text).value()).value(); }
inline Spec account(std::string const& name, std::string const& rest = "") {
    return spec_of(R"({"kind": "account", "name": ")" + name + "\"" + (rest.empty() ? "" : ", " + rest) + "}");
}
inline Spec account_with_domain(std::string const& name, std::string const& domain) {
    auto const main = domain.starts_with("*.") ? name + ".test" : domain;
    auto const aliases = main == domain ? "[]" : "[\"" + domain + "\"]";
    return account(name, R"("sites": [{"domain": ")" + main + R"(", "aliases": )" + aliases + "}]");
}

inline PutRequest request_of(Spec const& spec) {
    PutRequest request;
    request.ref = {std::string(spec.kind->schema->kind), spec.name};
    request.spec = [value = spec.value](Object const*, auto const&) -> Stored<json::object> { return value; };
    return request;
}
inline Stored<Written> put(Objects& store, Spec const& spec) { return store.put(request_of(spec)); }

}  // namespace genesis
