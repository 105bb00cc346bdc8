// The machine of a simulation: memory drivers whose calls fail, answer in part and start long work as a history
// decides.
#pragma once
#include "tests/support/memory_driver.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace genesis::simulation {

// Stands still until it is moved; timers follow it.
struct SimulatedClock final : Clock {
    [[nodiscard]] Time now() const override { return time; }
    [[nodiscard]] Steady steady() const override { return monotonic; }
    void set(Time start) {
        time = start;
        monotonic = Steady(std::chrono::hours(24));
    }
    void advance(Steady::duration by) {
        monotonic += by;
        time += std::chrono::ceil<std::chrono::milliseconds>(by);
    }
    Time time{};
    Steady monotonic{};
};

// The first law that was broken, in words.
class Verdict {
public:
    void broken(std::string law) {
        if (law_.empty()) law_ = std::move(law);
    }
    [[nodiscard]] bool good() const { return law_.empty(); }
    [[nodiscard]] std::string const& law() const { return law_; }

private:
    std::string law_;
};

// What goes wrong in one call of a driver.
struct Faults {
    bool unreachable = false;      // observations throw
    int fail = 0;                  // so many steps fail first
    int refuse = 0;                // then so many are refused
    int throw_after = -1;          // apply() throws after so many steps were done
    int power_after = -1;          // the power goes after so many steps, or before commit()
    bool commit_throws = false;    // what was applied is not made effective
    bool blame_neighbour = false;  // commit() finds fault with a record that no step was about
};

class Machine {
public:
    Machine(SimulatedClock& clock, Verdict& verdict) : clock_(clock), verdict_(verdict) {}

    test::MemoryWorld world;
    Faults faults;                                 // of the call that is being executed
    std::set<std::string> long_kinds;              // whose changes are long work
    std::function<void()> power_off;               // called where it goes in the middle of a call
    std::function<bool(AnyStep const&)> may_work;  // whether the engine says that it works on the step's object

    struct Work {
        Ref object;
        json::object want;
        std::string fingerprint;
        Time since{};
    };
    [[nodiscard]] std::map<Ref, Work> const& working() const { return working_; }
    void end_work(Ref const& record, bool well);

    // By hand: whatever the engine had observed of the record no longer holds, and a failure of it is no surprise.
    void touch(Ref const& record);
    void drop(Ref const& record);
    void drift(Ref const& record);
    // Something of that name that Genesis did not make.
    void make_unmanaged(Ref const& record, Schema const& schema, Ownership ownership);
    void remove_unmanaged();
    [[nodiscard]] bool unmanaged(Ref const& record) const {
        return world.unmanaged.contains(record) || unmanaged_.contains(record);
    }

    [[nodiscard]] bool touched(Ref const& record) const { return touched_.contains(record); }
    // Records that steps made and none removed, and their objects.
    [[nodiscard]] std::map<Ref, Ref> const& made() const { return made_; }
    // A failure was injected into what was done to it.
    [[nodiscard]] bool blamed(Ref const& record) const { return blame_all || blamed_.contains(record); }
    [[nodiscard]] std::set<Ref> const& refused() const { return refused_; }
    void begin_call(Faults of_call);
    bool blame_all = false;  // a failure may be noted for any record from now on
    std::size_t steps = 0;   // done, ever

private:
    friend class SimulatedDriver;
    void check(AnyStep const& step);
    Outcome take(AnyStep const& step, test::MemoryDriver& driver, Context& context);
    Outcome work_on(AnyStep const& step);

    SimulatedClock& clock_;
    Verdict& verdict_;
    std::map<Ref, Work> working_;
    std::map<Ref, std::string> failed_work_;  // fingerprint
    std::set<Ref> touched_, ended_by_itself_, blamed_, unmanaged_, refused_;
    std::map<Ref, Ref> made_;
    std::vector<Ref> batch_;  // what the call under way was about so far
};

class SimulatedDriver final : public AnyDriver {
public:
    SimulatedDriver(std::string name, std::vector<test::MemoryDriver::Kind> kinds, Machine& machine)
        : memory_(std::move(name), std::move(kinds), machine.world), machine_(machine) {}
    [[nodiscard]] std::string_view name() const override { return memory_.name(); }
    [[nodiscard]] std::vector<Schema const*> kinds() const override { return memory_.kinds(); }
    [[nodiscard]] KindTraits traits(std::string_view kind) const override { return memory_.traits(kind); }
    Observation observe(std::string_view kind, Scope const& scope, Context& context) override;
    std::vector<Outcome> apply(std::span<AnyStep const> steps, Context& context) override;
    CommitResult commit(Context& context) override;
    [[nodiscard]] std::chrono::milliseconds least_interval() const override;

private:
    [[nodiscard]] bool keeps(std::string_view kind) const;
    test::MemoryDriver memory_;
    Machine& machine_;
};

// One for each driver of the catalog, with its name and its kinds, and one of bridges.
std::vector<std::unique_ptr<AnyDriver>> simulated_drivers(Machine& machine);
// All kinds of them, by name.
std::map<std::string, test::MemoryDriver::Kind> const& simulated_kinds();

}  // namespace genesis::simulation
