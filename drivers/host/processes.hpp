// What a user has running: processes and System V IPC, ended for good.
#pragma once
#include "drivers/context.hpp"

#include <sys/types.h>

#include <map>
#include <set>
#include <string>

namespace genesis::host {

// Kills every process whose real, effective or saved user is one of `uids`, again until none is left: one look at
// /proc for all of them. Refuses uids below 1000. Those that have one still when the time is over, with the reason: a
// process of somebody else may start a setuid copy of theirs again and again.
std::map<uid_t, std::string> end_processes(std::set<uid_t> const& uids, Context const& context);

// Removes the shared memory, semaphores and message queues that they own or made.
void remove_ipc(std::set<uid_t> const& uids);

}  // namespace genesis::host
