// The trail on SQLite: audit rows and events, written in the transaction of what they report.
#pragma once
#include "reconciler/store/database.hpp"
#include "reconciler/store/trail.hpp"

namespace genesis {

class SqliteTrail : public Trail {
public:
    explicit SqliteTrail(StoreDatabase& db);

    std::vector<AuditEntry> audit(std::int64_t before, std::size_t limit) override;
    std::vector<Event> events(std::int64_t after, std::size_t limit) override;
    Range event_range() override;
    Signal::Subscription on_events(std::function<void()> listener) override;
    std::int64_t cursor(std::string const& name) override;
    void set_cursor(std::string const& name, std::int64_t seq) override;

    // For the other adapters of the same database, on the writing thread, inside its transaction.
    void note(Actor const& actor, std::string const& action, Ref const& ref, std::int64_t generation,
              std::string const& changes = "[]");
    void record_event(std::string const& type, Ref const& ref, std::int64_t generation, Actor const& actor,
              std::string const& why = "");

private:
    StoreDatabase& db_;
    bool wrote_ = false;  // the writing thread only: events were written since the last commit
    Signal listeners_;
};

}  // namespace genesis
