// Moving away, and the thread that deletes.
#include "drivers/unix/leftovers.hpp"

#include "drivers/host/mounts.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

namespace genesis {

namespace {

constexpr char const* removed_name = ".genesis-removed";  // of no account; host::Dir lists no such name
constexpr std::string_view order_prefix = ".uids-";       // a file with the numbers of users to be swept for
constexpr host::Owner private_directory{0, 0, 0700};
constexpr std::chrono::milliseconds slice{1000}, rest{1000}, pause_longest{300000};
constexpr std::chrono::minutes sweep_longest{10};

// Of this thread only (setpriority(2), ioprio_set(2)). Refused, it deletes all the same.
void take_least_priority() {
    constexpr int this_thread = 0, who_process = 1, idle = 3 << 13;
    (void)::setpriority(PRIO_PROCESS, this_thread, 19);
    (void)::syscall(SYS_ioprio_set, who_process, this_thread, idle);
}

std::set<uid_t> users_in(std::string const& order) {
    std::set<uid_t> out;
    std::istringstream numbers(order);
    for (uid_t uid = 0; numbers >> uid;) out.insert(uid);
    return out;
}

}  // namespace

void Leftovers::begin(Context const& context) {
    if (log_ == nullptr) start(context);
}

void Leftovers::start(Context const& context) {
    std::lock_guard const lock(mutex_);
    wanted_ = true;
    wake_.notify_all();
    if (log_ != nullptr) return;
    clock_ = &context.clock;
    log_ = &context.log;
    thread_ = std::jthread([this](std::stop_token const& stop) { work(stop); });
}

bool Leftovers::take(host::Dir const& parent, std::string const& name, std::string const& root,
                     std::string const& owner, Context const& context) {
    auto const path = parent.path() + "/" + name;
    if (auto const mount = host::mount_at_or_beneath(path))
        throw Fault(path + " is left as it is: " + *mount + " is a mount point");
    auto const homes = host::Dir::open(root);
    homes.make(removed_name, private_directory);
    auto const removed = homes.beneath(removed_name);
    std::string as;
    do as = owner + "." + std::to_string(++last_);
    while (removed.look(as));
    if (!parent.move(name, removed, as)) return false;
    context.log.write(Level::info, "a tree is moved away and will be deleted",
                      {{"path", path}, {"at", removed.path() + "/" + as}});
    start(context);
    return true;
}

void Leftovers::sweep(std::set<uid_t> const& users, Context const& context) {
    if (users.empty()) return;
    auto const root = host::Dir::make_all(roots_.front(), {0, 0, 0755});
    root.make(removed_name, private_directory);
    auto const removed = root.beneath(removed_name);
    std::string numbers, name;
    for (auto const uid : users) numbers += std::to_string(uid) + "\n";
    do name = std::string(order_prefix) + std::to_string(++last_);
    while (removed.look(name));
    removed.write(name, numbers, {0, 0, 0600});
    start(context);
}

std::set<uid_t> Leftovers::swept_for() const {
    std::set<uid_t> out;
    auto const removed = host::Dir::try_open(roots_.front() + "/" + removed_name);
    if (!removed) return out;
    for (auto const& name : removed->list())
        if (name.starts_with(order_prefix))
            if (auto const order = removed->read(name)) out.merge(users_in(order->bytes));
    return out;
}

void Leftovers::work(std::stop_token const& stop) {
    take_least_priority();
    auto pause = rest;
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        wanted_ = false;
        lock.unlock();
        auto const state = round(stop);
        lock.lock();
        auto const is_wanted = [&] { return wanted_; };
        if (state == State::gone)
            wake_.wait(lock, stop, is_wanted);
        else
            wake_.wait_for(lock, stop, pause, is_wanted);
        pause = state == State::stuck ? std::min(2 * pause, pause_longest) : rest;
    }
}

// Everything once. The worst that became of anything, where going on is worse than being stuck.
Leftovers::State Leftovers::round(std::stop_token const& stop) {
    bool goes_on = false, is_stuck = false;
    auto const note = [&](State state) {
        goes_on = goes_on || state == State::goes_on;
        is_stuck = is_stuck || state == State::stuck;
    };
    for (auto const& root : roots_) try {
            auto const removed = host::Dir::try_open(root + "/" + removed_name);
            if (!removed) continue;
            std::vector<std::string> orders;
            for (auto const& name : removed->list()) {
                if (stop.stop_requested()) return State::goes_on;
                if (name.starts_with(order_prefix))
                    orders.push_back(name);
                else
                    note(delete_some(*removed, name, stop));
            }
            if (!orders.empty()) note(sweep_all(*removed, orders, stop));
        } catch (std::exception const& error) {
            note(stuck(root, error.what()));
        }
    return goes_on ? State::goes_on : is_stuck ? State::stuck : State::gone;
}

Leftovers::State Leftovers::delete_some(host::Dir const& removed, std::string const& name,
                                        std::stop_token const& stop) try {
    auto const path = removed.path() + "/" + name;
    removed.remove_tree(name, Context{stop, clock_->steady() + slice, *clock_, *log_});
    reported_.erase(path);
    log_->write(Level::info, "a tree that was moved away is deleted", {{"path", path}});
    return State::gone;
} catch (Expired const&) {
    return State::goes_on;
} catch (Fault const& fault) {
    return stuck(removed.path() + "/" + name, fault.what());
}

// One walk for all orders; one is done when nothing is left of its users.
Leftovers::State Leftovers::sweep_all(host::Dir const& removed, std::vector<std::string> const& orders,
                                      std::stop_token const& stop) try {
    std::map<std::string, std::set<uid_t>> users_of;
    std::set<uid_t> users;
    for (auto const& order : orders)
        if (auto const file = removed.read(order)) users_of[order] = users_in(file->bytes);
    for (auto const& [order, its] : users_of) users.insert(its.begin(), its.end());
    Context const context{stop, clock_->steady() + sweep_longest, *clock_, *log_};
    std::map<uid_t, std::string> left;
    for (auto const& path : swept_)
        if (auto const dir = host::Dir::try_open(path)) left.merge(remove_files_of(users, *dir, context));
    for (auto const& [order, its] : users_of)
        if (std::ranges::none_of(its, [&](auto uid) { return left.contains(uid); })) removed.remove(order);
    if (users.size() > left.size())
        log_->write(Level::info, "files of removed users are swept away",
                    {{"users", std::to_string(users.size() - left.size())}});
    if (!left.empty()) return stuck(removed.path(), left.begin()->second);
    reported_.erase(removed.path());
    return State::gone;
} catch (Expired const&) {
    return State::goes_on;
} catch (Fault const& fault) {
    return stuck(removed.path(), fault.what());
}

Leftovers::State Leftovers::stuck(std::string const& what, std::string const& why) {
    if (std::exchange(reported_[what], why) != why)
        log_->write(Level::warning, "what was removed cannot be deleted yet", {{"path", what}, {"why", why}});
    return State::stuck;
}

}  // namespace genesis
