// The keys on SQLite: sealed, and never shown again once they are made.
#pragma once
#include "drivers/secrets/vault.hpp"
#include "reconciler/store/keys.hpp"
#include "reconciler/store/nonces.hpp"
#include "reconciler/store/sqlite_trail.hpp"

namespace genesis {

class SqliteKeys : public Keys {
public:
    // All but the vault outlive it.
    SqliteKeys(StoreDatabase& db, SqliteTrail& trail, Vault vault)
        : db_(db), trail_(trail), nonces_(db), vault_(std::move(vault)) {}

    bool add_key(ApiKey const& key, Actor const& actor) override;
    std::vector<ApiKey> keys() override;
    bool expire_key(std::string const& kid, Time at, Actor const& actor) override;
    std::optional<ApiKey> rotate_key(std::string const& kid, Secret const& secret, Time former_end,
                                     Actor const& actor) override;
    bool revoke_key(std::string const& kid, Actor const& actor) override;
    std::int64_t keys_version() override;
    bool consume(Actor& actor) override;
    void consume(Actor& actor, Completion<bool> completion) override;

private:
    // Runs change() in a commit of its own and counts it once it is durable, unless it says that there was nothing.
    template <class F>
    bool change_keys(F const& change);
    bool insert_key(ApiKey const& key);
    [[nodiscard]] ApiKey read_key(Use const& row) const;

    StoreDatabase& db_;
    SqliteTrail& trail_;
    Nonces nonces_;
    Vault const vault_;
    std::atomic<std::int64_t> keys_version_ = 0;  // only rises
    std::atomic<Steady> keys_looked_{};           // when the version was last read from the file
};

}  // namespace genesis
