# shellcheck shell=bash disable=SC2016
# What genesisd calls and MariaDB is asked while something happens, and what of that changes something; sourced after
# tap.sh by tests with a folder $scratch.
: "${scratch:?a folder}"
what= # the NAME of the last observation, which the functions below are about

# observe NAME COMMAND...: what genesisd calls and MariaDB is asked meanwhile, in NAME.calls and NAME.sql.
observe() {
    local into=$scratch/$1
    what=$1
    shift
    in_lab_sh 'mariadb -e "SET GLOBAL log_output=\"FILE\", GLOBAL general_log_file=\"/tmp/quiet.log\", GLOBAL general_log=1"
        setsid strace -f -yy -s 300 -o /root/trace -p "$(systemctl show -p MainPID --value genesisd)" >/root/strace.said 2>&1 & echo $! >/root/strace.pid
        until grep -qs attached /root/strace.said; do kill -0 $! && sleep 0.05; done'
    "$@"
    in_lab_sh 'kill -INT "$(cat /root/strace.pid)"; while kill -0 "$(cat /root/strace.pid)" 2>/dev/null; do sleep 0.05; done
        mariadb -e "SET GLOBAL general_log=0"; cat /tmp/quiet.log; rm /tmp/quiet.log' >"$into.sql"
    # Whole calls; of one that was interrupted by another thread the beginning, which has the arguments.
    in_lab cat /root/trace | sed -E 's/^[0-9]+ +//' | grep -vE '^(<\.\.\.|---|\+\+\+)' >"$into.calls"
    printf '# %s system calls, %s lines of SQL\n' "$(wc -l <"$into.calls")" "$(wc -l <"$into.sql")"
}

# calls PATTERN: those that match, each with its number.
calls() { grep -E "$1" "$scratch/$what.calls" | sort | uniq -c | sort -rn | head -n 10 || true; }
# none SENTENCE PATTERN
none() { check_is "$1" "" "$(calls "$2")"; }

# shellcheck disable=SC2034
{
    signals='^(kill|tkill|pidfd_send_signal|rt_sigqueueinfo|rt_tgsigqueueinfo)\([^,]*, SIG'
    opened='^(open|openat|openat2)\(.*(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE)|^creat\('
    named='^(rename|renameat|renameat2|unlink|unlinkat|link|linkat|symlink|symlinkat|rmdir|mkdir|mkdirat|mknod|mknodat)\('
    changed='^(f?chmod|fchmodat2?|[fl]?chown|fchownat|utimensat|futimesat|utimes?|[fl]?setxattr|[fl]?removexattr|f?truncate|fallocate)\('
    synced='^(fsync|fdatasync|sync|syncfs|sync_file_range|msync)\('
    copied='^(sendfile|splice|tee|copy_file_range|vmsplice|process_vm_writev|io_uring_setup|io_uring_enter)\('
    programs='^(execve|execveat|fork|vfork)\('
}
# Bytes that go to anything but sockets, pipes and eventfds.
written() { grep -E '^(write|writev|pwrite64|pwritev2?)\(' "$scratch/$what.calls" | grep -vE '^[a-z0-9]+\([0-9]+<(socket|pipe|anon_inode|TCP|UNIX|NETLINK)' | sort | uniq -c | head -n 10 || true; }
# Processes that are made by clone(2): it makes threads, too.
processes() { grep -E '^clone3?\(' "$scratch/$what.calls" | grep -v CLONE_THREAD || true; }
# What systemd is asked to do.
orders() { grep -E '^(sendmsg|sendto|write|writev)\(' "$scratch/$what.calls" | grep -oE '(Reload|Reexecute|StartUnit|StopUnit|RestartUnit|ReloadUnit|TryRestart|KillUnit|EnableUnit|DisableUnit|ResetFailed|SetUnitProperties|StartTransient)[A-Za-z]*' | sort | uniq -c || true; }
# SQL that is not only a question.
statements() {
    sed -nE 's/^.*(Query|Execute|Prepare|Init DB|Field List|Create DB|Drop DB)\s+(.*)$/\1 \2/p' "$scratch/$what.sql" |
        grep -viE '^(Query|Execute|Prepare) +\(?(SELECT|SHOW|SET (SESSION|NAMES|GLOBAL (general_log|log_output)))' | sort | uniq -c || true
}
