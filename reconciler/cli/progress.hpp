// How far a wait has come, for people.
#pragma once
#include "reconciler/cli/cli.hpp"

#include <chrono>
#include <string>

namespace genesis::cli {

struct Standing {
    std::size_t done = 0, all = 0, failing = 0;
    std::string word;     // "ready"
    std::string first{};  // the first that is failing, or else that is not there yet: "account/acme: 0 of 1 in sync"
    std::chrono::steady_clock::duration since{};
};

// Rewrites one line on a terminal; elsewhere prints a line when there is something to say.
class Progress {
public:
    explicit Progress(Console& console) : console_(console) {}
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;
    ~Progress() { wipe(); }
    void say(Standing const& standing);
    void wipe();  // before anything else is printed

private:
    [[nodiscard]] bool due(Standing const& standing, std::string const& line) const;
    Console& console_;
    std::string last_;
    std::size_t failing_ = 0;
    std::chrono::steady_clock::duration said_{};
    bool dirty_ = false;
};

}  // namespace genesis::cli
