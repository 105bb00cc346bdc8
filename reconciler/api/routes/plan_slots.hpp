// How many plans may be waited for at once: so many in all, and of those a share for each caller.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace genesis {

// May be used on any thread.
class PlanSlots {
public:
    static constexpr int most = 16, most_each = 4;

    // A slot that is taken until this ends.
    class Slot {
    public:
        Slot(PlanSlots& of, std::string who) : of_(of), who_(std::move(who)) {}
        ~Slot() { of_.leave(who_); }
        Slot(Slot const&) = delete;
        Slot& operator=(Slot const&) = delete;

    private:
        PlanSlots& of_;
        std::string const who_;
    };

    // Fills `slot`, or says why there is none for `who`, a key or a user of the socket.
    std::optional<std::string> take(std::string const& who, std::optional<Slot>& slot) {
        std::lock_guard const lock(mutex_);
        if (taken_ >= most) return "too many plans are under way; try again later";
        auto& own = by_caller_[who];
        if (own >= most_each)
            return "you have " + std::to_string(most_each) + " plans under way already; try again later";
        ++own;
        ++taken_;
        slot.emplace(*this, who);
        return std::nullopt;
    }

private:
    void leave(std::string const& who) {
        std::lock_guard const lock(mutex_);
        --taken_;
        auto const own = by_caller_.find(who);
        if (--own->second == 0) by_caller_.erase(own);
    }
    std::mutex mutex_;
    int taken_ = 0;
    std::map<std::string, int, std::less<>> by_caller_;
};

}  // namespace genesis
