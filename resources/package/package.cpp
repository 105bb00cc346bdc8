// What a change of a package may not take from the accounts that name it.
#include "resources/package/package.hpp"

namespace genesis {
namespace {

constexpr std::size_t most_named = 5;

// One limit: before and now, and who has more than it allows now.
struct Lowered {
    std::string what;  // the limit and the list that it is of
    std::optional<std::int64_t> Limits::*limit;
    std::size_t over = 0;
    std::string named{};

    void look(Limits const& now, Ref const& ref, json::object const& account) {
        auto const count = count_in(account, what);
        if (ref.kind != "account" || limits_in(account).*limit || count <= *(now.*limit)) return;
        if (++over <= most_named) named += (over > 1 ? ", " : "") + ref.str() + " has " + std::to_string(count);
    }
    [[nodiscard]] Problem problem() const {
        auto text = std::to_string(over) + (over == 1 ? " account has" : " accounts have") + " more: " + named;
        if (over > most_named)
            text += " and " + std::to_string(over - most_named) + (over > most_named + 1 ? " others" : " other");
        return {"/limits/" + what, "too_small", text + "; each needs fewer, or limits of its own, first"};
    }
};

}  // namespace

Problems check_package_accounts(json::object const& spec, json::object const* former, EachDependent const& each) {
    auto const now = limits_in(spec), before = former != nullptr ? limits_in(*former) : Limits();
    std::vector<Lowered> lowered;
    for (auto const& one : {Lowered{"sites", &Limits::sites}, Lowered{"databases", &Limits::databases}})
        if (now.*one.limit && (!(before.*one.limit) || *(now.*one.limit) < *(before.*one.limit)))
            lowered.push_back(one);
    if (lowered.empty()) return {};
    each([&](Ref const& ref, json::object const& account) {
        for (auto& one : lowered) one.look(now, ref, account);
    });
    Problems out;
    for (auto const& one : lowered)
        if (one.over > 0) out.push_back(one.problem());
    return out;
}

}  // namespace genesis
