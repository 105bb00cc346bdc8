// One history: what users, operators, drivers, the clock and the power do, in an order that its seed decides.
#pragma once
#include "resources/catalog.hpp"
#include "tests/simulation/disk.hpp"
#include "tests/simulation/laws.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace genesis::simulation {

// What became of a history.
struct Played {
    std::string law;                  // the first that was broken; empty: none was
    std::vector<std::string> events;  // where they were asked for
    std::size_t steps = 0, restarts = 0, passes = 0;
};

// What histories share because it is dear to make.
struct Stage {
    SimulatedClock clock;
    Disk disk{clock};
    std::map<std::string, Spec> specs{};  // by their text
};

// The same seed is the same history.
Played play(Stage& stage, std::uint64_t seed, bool keep_events = false);

class Dice {
public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}
    // 0 to n - 1, the same on every machine.
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }

private:
    std::mt19937_64 random_;
};

class History {
public:
    History(Stage& stage, std::uint64_t seed, bool keep_events);
    Played run();

private:
    struct Question {
        Steady asked{};
        int answers = 0;
    };
    // What may happen in it at all: histories that differ in kind find more than histories that are all alike.
    struct Nature {
        bool faults, hangs, restarts, power, full_disk, hands, unmanaged, questions, refusals;
    };
    // Events return false where there is nothing that they could happen to.
    struct Event {
        int weight;
        bool (History::*happen)();
    };
    static std::vector<Event> const& events();

    void one_event();
    void attempt(bool (History::*event)());
    void after();
    void hear();  // the loop hears of calls that have ended, and does what is due
    void settle_questions();
    void note(std::string const& event);
    void move_clock(Steady::duration by);

    // events_of_people.cpp
    bool put_account();
    bool put_package();
    bool remove();
    bool pause();
    bool confirm();
    bool wake();
    bool wake_anything();
    bool wake_all();
    bool ask();
    bool disturb();
    bool make_unmanaged();
    bool remove_unmanaged();
    void put(std::string const& text);
    void wake_now(Ref const& object, bool reset_backoff);
    [[nodiscard]] std::string account_text();
    void change(Ref const& object, std::string const& what, std::function<void()> const& how);
    [[nodiscard]] Ref any_account();

    // events_of_machines.cpp
    bool execute();
    bool answer();
    bool end_work();
    bool short_while();
    bool next_timer();
    bool long_while();
    bool calm();
    bool restart();
    bool lose_power();
    bool fill_disk();
    [[nodiscard]] Faults any_faults();
    void execute_now(std::size_t driver, Faults const& faults);
    void start();

    // ending.cpp
    void end();
    void end_faults();
    bool rest();
    void resume_everything();
    void run_calls();

    Stage& stage_;
    Dice dice_;
    bool const keep_events_;
    Played played_;
    Verdict verdict_;
    Machine machine_;
    Laws laws_;
    struct Silent final : Log {
        std::vector<std::string>* lines = nullptr;
        void write(Level, std::string_view message, Fields fields) override;
    } log_;
    std::vector<std::unique_ptr<AnyDriver>> drivers_;
    std::unique_ptr<Daemon> daemon_;
    Nature nature_;
    std::set<Ref> to_wake_;  // changed, and the reconciler does not know it yet
    std::vector<std::shared_ptr<Question>> questions_;
    bool power_lost_ = false, disk_full_ = false;
};

}  // namespace genesis::simulation
