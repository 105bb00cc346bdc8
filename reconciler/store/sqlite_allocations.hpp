// Allocations in the database: what the allocator asks, and what it decided. Inside the writer's transaction.
#pragma once
#include "reconciler/allocate/allocate.hpp"
#include "reconciler/store/statements.hpp"

namespace genesis {

class SqliteAllocations final : public Holdings {
public:
    // For one piece of work on the writing thread; all it is given outlives it.
    SqliteAllocations(Statements& statements, std::string const& node) : sql_(statements), node_(node) {}

    [[nodiscard]] std::optional<Holding> blocking(std::string const& space, Value const& value, bool shared,
                                                  Ref const& object, Time now) const override;
    [[nodiscard]] bool blocked_between(std::string const& space, std::string const& from, std::string const& to,
                                       Ref const& object, Time now) const override;
    [[nodiscard]] std::optional<std::int64_t> highest(std::string const& space, std::int64_t first,
                                                      std::int64_t last) const override;
    [[nodiscard]] std::map<Value, Load> loads(std::string const& space, Time now) const override;

    // What the object holds, and what could not be given to it.
    [[nodiscard]] std::vector<Holding> own(Ref const& object) const;
    // Writes a good decision. The database refuses a value that is held already, whatever was decided.
    void write(Decision const& decision, Time now);
    // All that the object holds.
    void release(Ref const& object, Time now);

private:
    void insert(Holding const& holding, Time now);
    void release(Holding const& holding, Time now);
    void erase(Holding const& holding);

    Statements& sql_;
    std::string const& node_;
};

}  // namespace genesis
