// What is left of what was removed: trees that were moved away, files elsewhere; deleted outside of any batch.
#pragma once
#include "drivers/context.hpp"
#include "drivers/host/files.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace genesis {

// A tree that goes is renamed, whatever is in it, into a directory beside it that only root can enter. One thread
// deletes what lies there: with the least priority, each tree for a second at a time, so that one that somebody still
// fills or one of a million files holds up neither a batch nor the others. What has to be done stands on the disk only,
// so a start takes up what an end has left. Nothing is followed, no mount is crossed.
//
// A thread and not a transient unit of systemd: it goes on while systemd does not answer, it sees the real /tmp, and
// host::Dir knows more of hostile trees than rm(1).
class Leftovers {
public:
    // `roots`: trees are removed beneath these. `swept`: where a removed user may have left files.
    Leftovers(std::vector<std::string> roots, std::vector<std::string> swept)
        : roots_(std::move(roots)), swept_(std::move(swept)) {}

    // Takes up what is there; only the first call does anything. Its clock and log outlive this.
    void begin(Context const& context);
    // Moves the directory away, which lies in `parent` somewhere beneath `root`; false when it is absent. A Fault says
    // why it cannot be moved: it is a mount point or contains one. `owner` is for people to read.
    bool take(host::Dir const& parent, std::string const& name, std::string const& root, std::string const& owner,
              Context const& context);
    // What these users, of whom no process is left, own in the swept directories will be removed.
    void sweep(std::set<uid_t> const& users, Context const& context);
    // Those of them whose files are not all removed yet: none of these numbers may be a user again before.
    [[nodiscard]] std::set<uid_t> swept_for() const;

private:
    enum class State { gone, goes_on, stuck };
    void start(Context const& context);
    void work(std::stop_token const& stop);
    State round(std::stop_token const& stop);
    State delete_some(host::Dir const& removed, std::string const& name, std::stop_token const& stop);
    State sweep_all(host::Dir const& removed, std::vector<std::string> const& orders, std::stop_token const& stop);
    State stuck(std::string const& what, std::string const& why);

    std::vector<std::string> roots_, swept_;
    std::uint64_t last_ = 0;  // numbers what is moved away
    Clock const* clock_ = nullptr;
    Log* log_ = nullptr;
    std::map<std::string, std::string> reported_;  // of what is stuck: what was logged
    std::mutex mutex_;
    std::condition_variable_any wake_;
    bool wanted_ = false;
    std::jthread thread_;  // last: it uses the others
};

// Removes what belongs to one of the users in this directory and beneath it, as deep as anybody looks. Of whom
// something is left, because of a mount or because it changes meanwhile, with the reason.
std::map<uid_t, std::string> remove_files_of(std::set<uid_t> const& users, host::Dir const& dir,
                                             Context const& context);

}  // namespace genesis
