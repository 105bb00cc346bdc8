// What a user has running: processes and System V IPC, ended for good.
#pragma once
#include "drivers/context.hpp"

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace genesis::host {

// Which of `uids` have a living process as real, effective or saved user, and one of each: "4711 (perl)". What belongs
// to a system unit whose name begins with `spared` is passed over, unless that is empty. One look at /proc for all of
// them.
std::map<uid_t, std::string> running(std::set<uid_t> const& uids, std::string_view spared = {});

// Kills every process whose real, effective or saved user is one of `uids`, again until none is left: one look at
// /proc for all of them. Refuses uids below 1000. Those that have one still when the time is over, with the reason: a
// process of somebody else may start a setuid copy of theirs again and again. What is
// `spared` is killed, too, only where the rest cannot be ended otherwise: it forks faster than it is found.
std::map<uid_t, std::string> end_processes(std::set<uid_t> const& uids, Context const& context,
                                           std::string_view spared = {});

// Removes the shared memory, semaphores and message queues that they own or made.
void remove_ipc(std::set<uid_t> const& uids);

}  // namespace genesis::host
