// Ending all processes of a user: kill(-1) as that user, which no fork bomb can outrun.
#include "drivers/host/processes.hpp"

#include "drivers/host/files.hpp"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

namespace genesis::host {

namespace {

std::string_view line_of(std::string_view status, std::string_view name) {
    auto const at = status.find(name);
    return at == std::string_view::npos ? ""
                                        : status.substr(at + name.size(), status.find('\n', at) - at - name.size());
}

// Real, effective, saved and file-system user of proc_pid_status(5), or nothing for what is dead already.
std::vector<uid_t> users_of(std::string_view status) {
    std::vector<uid_t> out;
    auto const state = line_of(status, "\nState:\t");
    if (state.starts_with('Z') || state.starts_with('X')) return out;
    auto rest = line_of(status, "\nUid:\t");
    while (!rest.empty()) {
        uid_t uid = 0;
        auto const [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), uid);
        if (error == std::errc()) out.push_back(uid);
        rest.remove_prefix(std::min(rest.size(), static_cast<std::size_t>(end - rest.data()) + 1));
    }
    return out;
}

// "4711 (perl), which user 20001 runs": somebody else's setuid copy has another real user.
std::string described(std::string const& pid, std::string_view status, uid_t real, uid_t uid) {
    std::string name(line_of(status, "Name:\t"));
    for (auto& c : name)
        if (c < ' ' || c > '~') c = '?';
    return pid + " (" + name + ")" + (real == uid ? "" : ", which user " + std::to_string(real) + " runs");
}

// A tenant's own units, whatever their names, lie beneath its user@.service: that is what systemd names for them.
bool is_in_unit(std::string const& pid, std::string_view prefix) {
    char* unit = nullptr;
    if (prefix.empty() || ::sd_pid_get_unit(static_cast<pid_t>(std::stol(pid)), &unit) < 0) return false;
    std::unique_ptr<char, decltype(&::free)> const owned(unit, &::free);
    return std::string_view(unit).starts_with(prefix);
}

struct Found {
    std::vector<pid_t> all;
    std::string one;
};

std::map<uid_t, Found> look(std::set<uid_t> const& uids, std::string_view spared) {
    auto const proc = Dir::open("/proc");
    std::map<uid_t, Found> out;
    for (auto const& name : proc.list()) {
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        try {
            auto const status = proc.read(name + "/status");
            if (!status) continue;
            auto const users = users_of(status->bytes);
            auto const is_asked_for = [&](uid_t uid) { return uids.contains(uid); };
            if (std::none_of(users.begin(), users.end(), is_asked_for) || is_in_unit(name, spared)) continue;
            for (auto const uid : std::set<uid_t>(users.begin(), users.end()))
                if (uids.contains(uid)) {
                    auto& found = out[uid];
                    found.all.push_back(static_cast<pid_t>(std::stol(name)));
                    if (found.one.empty()) found.one = described(name, status->bytes, users.front(), uid);
                }
        } catch (Fault const&) {  // it ended while we looked
        }
    }
    return out;
}

// Everything of theirs for -1: the kernel walks all processes under one lock, so nothing that forks meanwhile escapes.
// As the user, so that a number which is another's process by now is left alone. Raw calls: see exec.cpp.
void kill_as(uid_t uid, std::vector<pid_t> const& processes) {
    auto const pid = ::fork();
    if (pid < 0) throw Fault("no process to end other processes with");
    if (pid == 0) {
        if (::syscall(SYS_setresuid, uid, uid, uid) == 0)
            for (auto const process : processes) ::kill(process, SIGKILL);
        ::_exit(0);
    }
    // It has their user's number, so they may have stopped it in the moment they died: only root wakes it then.
    int status = 0;
    for (;;) {
        if (::waitpid(pid, &status, WUNTRACED) < 0 && errno != EINTR) return;
        if (WIFSTOPPED(status)) ::kill(pid, SIGKILL);
        if (WIFEXITED(status) || WIFSIGNALED(status)) return;
    }
}

bool any(std::set<uid_t> const& uids, ipc_perm const& who) { return uids.contains(who.uid) || uids.contains(who.cuid); }

union Semaphores {  // semctl(2): the caller defines it
    int value;
    semid_ds* set;
    seminfo* info;
};

}  // namespace

std::map<uid_t, std::string> running(std::set<uid_t> const& uids, std::string_view spared) {
    std::map<uid_t, std::string> out;
    for (auto& [uid, found] : look(uids, spared)) out.emplace(uid, std::move(found.one));
    return out;
}

std::map<uid_t, std::string> end_processes(std::set<uid_t> const& uids, Context const& context,
                                           std::string_view spared) {
    if (uids.empty()) return {};
    if (*uids.begin() < 1000 || uids.contains(static_cast<uid_t>(-1))) throw Fault("not the user of an account");
    std::vector<pid_t> const everything{-1};
    auto left = look(uids, spared);
    for (int round = 0; !left.empty(); ++round) {  // once in any case: a look alone may take longer than there is time
        bool const each_by_itself = !spared.empty() && round < 3;
        for (auto const& [uid, found] : left) kill_as(uid, each_by_itself ? found.all : everything);
        timespec const pause{0, 5'000'000};  // time for their parents to reap them
        ::nanosleep(&pause, nullptr);
        left = look(uids, spared);
        if (context.is_over()) break;
    }
    std::map<uid_t, std::string> out;
    for (auto const& [uid, found] : left)
        out.emplace(uid, "user " + std::to_string(uid) +
                             " has a process that is not ended or started again and again: " + found.one);
    return out;
}

void remove_ipc(std::set<uid_t> const& uids) {
    shmid_ds shm{};
    shm_info shm_all{};
    auto const shm_last = ::shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&shm_all));
    for (int i = 0; i <= shm_last; ++i)
        if (auto const id = ::shmctl(i, SHM_STAT, &shm); id >= 0 && any(uids, shm.shm_perm))
            ::shmctl(id, IPC_RMID, nullptr);
    msqid_ds msg{};
    msginfo msg_all{};
    auto const msg_last = ::msgctl(0, MSG_INFO, reinterpret_cast<msqid_ds*>(&msg_all));
    for (int i = 0; i <= msg_last; ++i)
        if (auto const id = ::msgctl(i, MSG_STAT, &msg); id >= 0 && any(uids, msg.msg_perm))
            ::msgctl(id, IPC_RMID, nullptr);
    semid_ds sem{};
    seminfo sem_all{};
    auto const sem_last = ::semctl(0, 0, SEM_INFO, Semaphores{.info = &sem_all});
    for (int i = 0; i <= sem_last; ++i)
        if (auto const id = ::semctl(i, 0, SEM_STAT, Semaphores{.set = &sem}); id >= 0 && any(uids, sem.sem_perm))
            ::semctl(id, 0, IPC_RMID);
}

}  // namespace genesis::host
