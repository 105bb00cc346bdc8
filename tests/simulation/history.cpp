// The course of a history.
#include "tests/simulation/history.hpp"

#include <algorithm>

namespace genesis::simulation {
namespace {

constexpr std::size_t events_most = 90;
constexpr auto answered_within = std::chrono::seconds(10);

}  // namespace

void History::Silent::write(Level, std::string_view message, Fields fields) {
    if (lines == nullptr) return;
    std::string line = "    " + std::string(message);
    for (auto const& [name, value] : fields) line += " " + std::string(name) + "=" + std::string(value);
    lines->push_back(std::move(line));
}

Played play(Stage& stage, std::uint64_t seed, bool keep_events) { return History(stage, seed, keep_events).run(); }

History::History(Stage& stage, std::uint64_t seed, bool keep_events)
    : stage_(stage),
      dice_(seed),
      keep_events_(keep_events),
      machine_(stage.clock, verdict_),
      laws_(machine_, verdict_),
      drivers_(simulated_drivers(machine_)) {
    if (keep_events) log_.lines = &played_.events;
    // Each has days of its own: what the store remembers of one says nothing to the next.
    stage.clock.set(Time(std::chrono::hours(24 * 365 * 30)) + std::chrono::hours(24 * 30) * (seed % 100000));
    stage.disk.wipe();
    machine_.power_off = [this] {
        power_lost_ = true;
        stage_.disk.writes(false);
    };
    nature_ = {!dice_.one_in(4), dice_.one_in(5), !dice_.one_in(3), dice_.one_in(2), dice_.one_in(8),
               dice_.one_in(2),  dice_.one_in(3), dice_.one_in(2),  dice_.one_in(6)};
    if (dice_.one_in(2)) machine_.long_kinds.insert("database");
    if (dice_.one_in(3)) machine_.long_kinds.insert("certificate");
    start();
}

Played History::run() {
    auto const count = 20 + dice_.below(events_most - 20);
    for (std::size_t i = 0; i < count && verdict_.good(); ++i) one_event();
    if (verdict_.good()) end();
    played_.law = verdict_.law();
    played_.steps = machine_.steps;
    played_.passes += daemon_->reconciler.passes();
    return std::move(played_);
}

void History::note(std::string const& event) {
    if (keep_events_) played_.events.push_back(event);
}

std::vector<History::Event> const& History::events() {
    static std::vector<Event> const all{
        {12, &History::put_account},  {3, &History::put_package},    {4, &History::remove},
        {2, &History::pause},         {2, &History::confirm},        {10, &History::wake},
        {2, &History::wake_anything}, {1, &History::wake_all},       {3, &History::ask},
        {3, &History::disturb},       {2, &History::make_unmanaged}, {1, &History::remove_unmanaged},
        {24, &History::execute},      {24, &History::answer},        {4, &History::end_work},
        {6, &History::short_while},   {10, &History::next_timer},    {2, &History::long_while},
        {5, &History::calm},          {2, &History::restart},        {2, &History::lose_power},
        {1, &History::fill_disk}};
    return all;
}

void History::one_event() {
    static std::size_t const sum = [] {
        std::size_t out = 0;
        for (auto const& event : events()) out += static_cast<std::size_t>(event.weight);
        return out;
    }();
    for (int tries = 0; tries < 20; ++tries) {
        auto left = dice_.below(sum);
        auto event = events().begin();
        while (left >= static_cast<std::size_t>(event->weight)) left -= static_cast<std::size_t>((event++)->weight);
        bool happened = false;
        try {
            happened = (this->*event->happen)();
        } catch (Fault const& fault) {  // the store's; nothing else may come out of the engine
            happened = true;
            if (stage_.disk.writes()) verdict_.broken(std::string("a fault came out: ") + fault.what());
        } catch (std::exception const& error) {
            happened = true;
            verdict_.broken(std::string("a defect: ") + error.what());
        }
        if (happened) break;
    }
    after();
}

void History::after() {
    try {
        bool const turn = !power_lost_ && !dice_.one_in(8);  // else the next event comes before the loop has its turn
        if (turn) hear();
        if (power_lost_) start();
        laws_.check(*daemon_, stage_.disk.store());
        if (turn) settle_questions();
    } catch (std::exception const& error) {
        verdict_.broken(std::string("a defect: ") + error.what());
    }
}

void History::hear() {
    for (auto const driver : std::exchange(daemon_->completed, {})) daemon_->reconciler.completed(driver);
    daemon_->reconciler.advance();
}

void History::settle_questions() {
    auto const now = stage_.clock.steady();
    for (auto const& question : questions_) {
        if (question->answers > 1) verdict_.broken("a question was answered twice");
        if (question->answers == 0 && now - question->asked > answered_within)
            verdict_.broken("a question was not answered within ten seconds");
    }
    std::erase_if(questions_, [](auto const& question) { return question->answers > 0; });
}

void History::move_clock(Steady::duration by) {
    stage_.clock.advance(by);
    // What takes longer than its deadline counts as failed, whatever it was about.
    if (stage_.clock.steady() - daemon_->calls.oldest() > std::chrono::seconds(55)) machine_.blame_all = true;
}

// Also after the power was lost: what was not stored is forgotten, what was done is done.
void History::start() {
    if (daemon_) {
        ++played_.restarts;
        played_.passes += daemon_->reconciler.passes();
    }
    daemon_.reset();
    power_lost_ = disk_full_ = false;
    questions_.clear();
    to_wake_.clear();  // its first pass looks at everything
    machine_.begin_call({});
    stage_.disk.mend();
    if (dice_.one_in(40)) stage_.disk.reopen();
    std::vector<AnyDriver*> all;
    for (auto const& driver : drivers_) all.push_back(driver.get());
    auto& store = stage_.disk.store();
    daemon_ = std::make_unique<Daemon>(store, store, all, machine_, stage_.clock, log_, verdict_);
    laws_.learn_again(store);
}

}  // namespace genesis::simulation
