// Connections take the next due time from a common counter.
#include "tests/clients/load/steady.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

namespace genesis::load {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::int64_t wall_ms() {
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

struct Tally {
    std::mutex mutex;
    std::vector<double> ms;
    std::uint64_t accepted = 0, refused = 0, other = 0, broken = 0;
    std::int64_t last_accepted = 0, first_refused = 0;
    std::string first_other;
};

class Run {
public:
    Run(Caller::Who const& who, Steady const& options, Told const& object)
        : who_(who), options_(options), object_(object), change_(object.change) {}

    void connection(bool fresh) {
        Caller caller(who_);
        for (;;) {
            auto const number = next_++;
            auto const due = begun_ + std::chrono::duration_cast<SteadyClock::duration>(
                                          std::chrono::duration<double>(static_cast<double>(number) / options_.rate));
            if (ended(due)) return;
            std::this_thread::sleep_until(due);
            caller.reload();
            if (fresh) caller.hang_up();
            one(caller, number % 2 == 0, due);
        }
    }

    void print() {
        std::sort(tally_.ms.begin(), tally_.ms.end());
        auto const at = [&](double quantile) {
            return tally_.ms.empty()
                       ? 0.0
                       : tally_.ms[static_cast<std::size_t>(static_cast<double>(tally_.ms.size() - 1) * quantile)];
        };
        auto const number = [](char const* what, auto value) {
            std::printf("%s %llu\n", what, static_cast<unsigned long long>(value));
        };
        number("seconds", std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - begun_).count());
        number("asked", tally_.accepted + tally_.refused + tally_.other);
        number("accepted", tally_.accepted);
        number("refused", tally_.refused);
        number("other", tally_.other);
        number("broken", tally_.broken);
        std::printf("p50_ms %.1f\np99_ms %.1f\nmax_ms %.1f\n", at(0.5), at(0.99), at(1));
        number("last_accepted", tally_.last_accepted);
        number("first_refused", tally_.first_refused);
        std::printf("first_other %s\n", tally_.first_other.c_str());
    }

private:
    bool ended(SteadyClock::time_point due) {
        if (due >
            begun_ + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(options_.seconds)))
            return true;
        if (!options_.while_there.empty() && ::access(options_.while_there.c_str(), F_OK) != 0) return true;
        std::lock_guard const lock(tally_.mutex);
        return options_.until_refused && tally_.first_refused != 0 && wall_ms() > tally_.first_refused + 1000;
    }

    void one(Caller& caller, bool get, SteadyClock::time_point due) {
        for (int attempt = 0; attempt < 5; ++attempt) try {
                auto const sent = wall_ms();
                auto const reply = get ? caller.ask("GET", object_.target())
                                       : caller.ask("PUT", object_.target(), object_.spec(++change_));
                return note(reply, sent, due);
            } catch (Broken const&) {
                std::lock_guard const lock(tally_.mutex);
                ++tally_.broken;
            }
        note({0, "never answered", ""}, wall_ms(), due);
    }

    void note(Reply const& reply, std::int64_t sent, SteadyClock::time_point due) {
        std::chrono::duration<double, std::milli> const took = SteadyClock::now() - due;
        std::lock_guard const lock(tally_.mutex);
        tally_.ms.push_back(took.count());
        if (reply.status >= 200 && reply.status < 300) {
            ++tally_.accepted;
            tally_.last_accepted = std::max(tally_.last_accepted, sent);
        } else if (reply.status == 401) {
            ++tally_.refused;
            if (tally_.first_refused == 0) tally_.first_refused = wall_ms();
        } else if (++tally_.other == 1) {
            tally_.first_other = reply.head.substr(0, reply.head.find('\r')) + " " + reply.body;
        }
    }

    Caller::Who const& who_;
    Steady const& options_;
    Told const& object_;
    std::atomic<std::int64_t> change_;
    std::atomic<std::uint64_t> next_ = 0;
    SteadyClock::time_point const begun_ = SteadyClock::now();
    Tally tally_;
};

}  // namespace

void ask_steadily(Caller::Who const& who, Steady const& options, Told const& object) {
    Caller(who).ask("PUT", object.target(), object.spec(object.change));  // so that the first GET finds it
    Run run(who, options, object);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < options.connections; ++i)
        threads.emplace_back([&run, fresh = i < options.fresh] { run.connection(fresh); });
    for (auto& thread : threads) thread.join();
    run.print();
}

}  // namespace genesis::load
