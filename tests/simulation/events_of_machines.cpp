// What drivers, the clock, the power and the disk do.
#include "tests/simulation/history.hpp"

namespace genesis::simulation {
namespace {

using namespace std::chrono_literals;

}  // namespace

Faults History::any_faults() {
    Faults out;
    if (!nature_.faults || !dice_.one_in(4)) return out;
    switch (dice_.below(6)) {
        case 0:
            out.unreachable = true;
            break;
        case 1:
            out.fail = 1 + static_cast<int>(dice_.below(3));
            break;
        case 2:
            out.throw_after = static_cast<int>(dice_.below(3));
            break;
        case 3:
            out.commit_throws = true;
            break;
        case 4:
            out.blame_neighbour = true;
            break;
        default:
            out.refuse = nature_.refusals ? 1 : 0;
    }
    return out;
}

// Executed, and not answered yet: what it found may be old before it is heard of.
bool History::execute() {
    auto const open = daemon_->calls.to_execute();
    if (open.empty()) return false;
    auto faults = any_faults();
    if (nature_.power && dice_.one_in(30)) faults.power_after = static_cast<int>(dice_.below(6));
    execute_now(open[dice_.below(open.size())], faults);
    return true;
}

void History::execute_now(std::size_t driver, Faults const& faults) {
    note("execute " + std::string(drivers_[driver]->name()) + (faults.unreachable ? ", cannot see" : "") +
         (faults.fail > 0 ? ", steps fail" : "") + (faults.refuse > 0 ? ", a step is refused" : "") +
         (faults.throw_after >= 0 ? ", throws" : "") + (faults.commit_throws ? ", cannot commit" : "") +
         (faults.blame_neighbour ? ", blames another" : "") + (faults.power_after >= 0 ? ", the power goes" : ""));
    if (disk_full_) machine_.blame_all = true;
    machine_.begin_call(faults);
    daemon_->calls.execute(driver);
}

bool History::answer() {
    auto const open = daemon_->calls.to_answer();
    if (open.empty()) return false;
    auto const driver = open[dice_.below(open.size())];
    note("answer " + std::string(drivers_[driver]->name()));
    daemon_->calls.answer(driver);
    return true;
}

bool History::end_work() {
    auto const& working = machine_.working();
    if (working.empty()) return false;
    auto const record = std::next(working.begin(), static_cast<std::ptrdiff_t>(dice_.below(working.size())))->first;
    bool const well = !nature_.faults || !dice_.one_in(4);
    note("the work on " + record.str() + (well ? " is done" : " has failed"));
    machine_.end_work(record, well);
    return true;
}

bool History::short_while() {
    auto const by = std::chrono::milliseconds(1 + dice_.below(500));
    note(std::to_string(by.count()) + " ms pass");
    move_clock(by);
    return true;
}

bool History::next_timer() {
    auto const by = daemon_->reconciler.next_timer() - stage_.clock.steady();
    if (by > 10min) return false;
    note("the next timer");
    move_clock(std::max<Steady::duration>(by, 1ms));
    return true;
}

// Long enough for a driver to be late, or, where drivers hang at all, to be given up.
bool History::long_while() {
    auto const by = nature_.hangs && dice_.one_in(2) ? 70s : 4s;
    note(std::to_string(by.count()) + " s pass");
    move_clock(by);
    return true;
}

bool History::calm() {
    auto const rounds = 1 + dice_.below(12);
    note("calm, " + std::to_string(rounds) + " rounds");
    for (std::size_t i = 0; i < rounds && !power_lost_; ++i) {
        run_calls();
        move_clock(40ms);
        hear();
    }
    return true;
}

void History::run_calls() {
    for (auto const driver : daemon_->calls.to_execute()) execute_now(driver, {});
    for (auto const driver : daemon_->calls.to_answer()) daemon_->calls.answer(driver);
}

bool History::restart() {
    if (!nature_.restarts) return false;
    note("restart");
    move_clock(1s);
    start();
    return true;
}

// At the n-th commit of what happens next, be it the loop's or a user's.
bool History::lose_power() {
    if (!nature_.power || disk_full_) return false;
    auto const commits = 1 + static_cast<int>(dice_.below(3));
    note("the power goes after " + std::to_string(commits) + " commits");
    stage_.disk.fail_after(commits);
    try {
        if (dice_.one_in(2))
            put(account_text());
        else
            for (auto const driver : daemon_->calls.to_answer()) daemon_->calls.answer(driver);
        hear();
    } catch (Fault const&) {
        if (stage_.disk.writes()) throw;
    }
    power_lost_ = true;
    return true;
}

bool History::fill_disk() {
    if (!nature_.full_disk) return false;
    disk_full_ = !disk_full_;
    note(disk_full_ ? "the disk is full" : "the disk has room again");
    stage_.disk.writes(!disk_full_);
    return true;
}

}  // namespace genesis::simulation
