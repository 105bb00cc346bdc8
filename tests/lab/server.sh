# shellcheck shell=bash disable=SC2154
# One lab server's life: its disk, cgroup, container, addresses, packages and end; sourced by tests/lab/lab.
#
# /run/genesis-lab/NAME/   pid (nspawn: "PID STARTTIME"), leader (its PID 1 seen from here), number, address, cgroup, log,
#                          root/
# $cache/disk/NAME/        upper/ and work/ of the overlay (or the whole copy)

server_names() { [[ ! -d $labs ]] || find "$labs" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort; }

# absent | starting | running | crashed
server_state() {
    local dir=$labs/$1
    [[ -d $dir ]] || { echo absent; return; }
    if ! alive "$dir/pid"; then echo crashed; elif alive "$dir/leader"; then echo running; else echo starting; fi
}

# A process is meant by its id and its start time together: ids come round again.
remember_process() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$1"; }
# Nothing for one that has ended, also while nobody has reaped it.
start_time() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }'; }
alive() {
    local pid started
    [[ -s $1 ]] && read -r pid started <"$1" && [[ -n $started && $(start_time "$pid") == "$started" ]]
}

server_up() {
    local name=$1 image dir=$labs/$1 since=$SECONDS
    image=$(image_ensure image)
    [[ $(server_state "$name") == absent ]] || server_down "$name" now
    mkdir -p "$dir"
    reserve_number "$dir"
    trap 'server_failed "$name"' EXIT
    mount_disk "$name" "$image"
    write_identity "$name"
    start_container "$name"
    wait_for_leader "$name"
    set_addresses "$name"
    wait_for_services "$name"
    trap - EXIT
    say "$name booted in $((SECONDS - since)) s"
}

server_failed() {
    say "$1 did not come up; the end of its console:"
    tail -n 20 "$labs/$1/log" >&2 || true
    server_down "$1" now
}

# The N of 10.231.N.0/30 that no other lab has, nor anything else on this machine.
reserve_number() {
    local number taken
    exec 9>"$labs/.lock"
    flock 9
    taken=" $({ cat "$labs"/*/number 2>/dev/null; ip -4 -o address | sed -nE 's/.* 10\.231\.([0-9]+)\..*/\1/p'; } | tr '\n' ' ')"
    for ((number = 1; number < 255; number++)); do
        [[ $taken == *" $number "* ]] || break
    done
    echo "$number" >"$1/number"
    echo "10.231.$number.2" >"$1/address"
    exec 9>&-
}

# An overlay on the image; where the disk is itself an overlay, in memory; where even that fails, a copy.
mount_disk() {
    local name=$1 image=$2 root=$labs/$1/root disk=$cache/disk/$1
    mkdir -p "$root" "$disk"
    [[ $memory == no ]] || mount -t tmpfs -o mode=0755 "lab-$name" "$disk"
    [[ $copy == no ]] || { copy_image "$image" "$disk" "$root"; return; }
    mount_overlay "$image" "$disk" "$root" && return
    if ! mountpoint -q "$disk"; then
        rm -rf --one-file-system "${disk:?}"/*
        mount -t tmpfs -o mode=0755 "lab-$name" "$disk" && mount_overlay "$image" "$disk" "$root" && return
        ! mountpoint -q "$disk" || umount "$disk"
    fi
    say "no overlay here: copying the image"
    copy_image "$image" "$disk" "$root"
}

copy_image() {
    rm -rf --one-file-system "${2:?}"/*
    cp -a --reflink=auto "$1" "$2/copy"
    mount --bind "$2/copy" "$3"
}

# Its own name, and a resolver that refuses at once: a look-up that waits for a network that is not there costs 10 s.
write_identity() {
    local root=$labs/$1/root address
    address=$(<"$labs/$1/address")
    echo "$1" >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n::1 localhost\n%s %s.lab.example %s\n' "$address" "$1" "$1" >"$root/etc/hosts"
    echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
}

mount_overlay() {
    mkdir -p "$2/upper" "$2/work"
    chmod 0755 "$2/upper"
    mount -t overlay "lab" -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$3" 2>/dev/null
}

# systemd-nspawn in the background, in a session of its own, so that it outlives this command. Each has a cgroup of
# its own: without one all the labs of a machine would share /payload, and one's systemd would kill another's services.
start_container() {
    local name=$1 dir=$labs/$1 argv bind
    argv=(systemd-nspawn --quiet --directory="$dir/root" --machine="$name" --boot --register=no --keep-unit
        --network-veth --resolv-conf=off --timezone=off --link-journal=no --notify-ready=yes --console=pipe)
    for bind in "${binds[@]}"; do argv+=(--bind-ro="$bind"); done
    rm -f "$dir/ready"
    if [[ -d /run/systemd/system ]]; then
        systemd-run --quiet --collect --unit="genesis-lab-$name" --property=Delegate=yes --property=KillMode=mixed \
            --property=StandardOutput="append:$dir/log" --property=StandardError="append:$dir/log" \
            --setenv=SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 "${argv[@]}"
        remember_process "$dir/pid" "$(systemctl show --value -p MainPID "genesis-lab-$name")"
    else
        local group
        group=$(make_cgroup "$name")
        # shellcheck disable=SC2016
        setsid --fork env -i PATH="$PATH" SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 bash -c '
            [[ -z $1 ]] || echo $$ >"$1/cgroup.procs"; echo $$ >"$2/launched"; shift 2; exec "$@"
        ' bash "$group" "$dir" "${argv[@]}" </dev/null >"$dir/log" 2>&1 9>&-
        until [[ -s $dir/launched ]]; do sleep 0.02; done
        remember_process "$dir/pid" "$(<"$dir/launched")"
    fi
}

# A place of its own in this machine's unified hierarchy; nothing where there is none. Each boot has another: Linux
# compares the count of kills of the cgroup that a process comes from with that of the one it is made in, so that in what
# is left of a killed lab's cgroups each service that systemd 257 starts is killed at once (clone3(2), CLONE_INTO_CGROUP).
make_cgroup() {
    local at group
    for at in /sys/fs/cgroup/unified /sys/fs/cgroup; do
        [[ -w $at/cgroup.procs && $(stat -fc %T "$at") == cgroup2fs ]] || continue
        mkdir -p "$at/genesis-lab"
        group=$(mktemp -d "$at/genesis-lab/$1.XXXXXX")
        mkdir "$group/exec"
        echo "$group" >"$labs/$1/cgroup"
        echo "$group"
        return
    done
}
lab_cgroup() { [[ ! -f $labs/$1/cgroup ]] || cat "$labs/$1/cgroup"; }

# The container's PID 1: the child of nspawn that lives in another process namespace.
wait_for_leader() {
    local dir=$labs/$1 pid child try
    read -r pid _ <"$dir/pid"
    for ((try = 0; try < 6000; try++)); do
        alive "$dir/pid" || die "the container ended at once"
        for child in $(ps -o pid= --ppid "$pid"); do
            [[ $(readlink "/proc/$child/ns/pid") != "$(readlink /proc/self/ns/pid)" ]] || continue
            [[ $(cat "/proc/$child/comm" 2>/dev/null) == systemd ]] || continue
            remember_process "$dir/leader" "$child"
            return
        done
        sleep 0.02
    done
    die "the container has no PID 1 after two minutes"
}

set_addresses() {
    local name=$1 number
    number=$(<"$labs/$name/number")
    ip address replace "10.231.$number.1/30" dev "ve-$name"
    ip link set "ve-$name" up
    inside "$name" ip address replace "10.231.$number.2/30" dev host0
    inside "$name" ip link set host0 up
    inside "$name" ip route replace default via "10.231.$number.1"
}

wait_for_services() {
    local name=$1 state address
    address=$(<"$labs/$name/address")
    for ((try = 0; try < 3000; try++)); do
        alive "$labs/$name/pid" || die "the container ended while booting"
        state=$(inside "$name" systemctl is-system-running 2>/dev/null || true)
        [[ $state == running || $state == degraded ]] && break
        sleep 0.1
    done
    [[ $state == running ]] || server_status "$name" "$state" >&2
    for ((try = 0; try < 1200; try++)); do
        inside "$name" mariadb-admin --silent ping >/dev/null 2>&1 &&
            curl -s -o /dev/null --max-time 2 "http://$address/" && : 2>/dev/null <"/dev/tcp/$address/22" && return
        sleep 0.1
    done
    say "warning: MariaDB, Apache or sshd of $name does not answer"
    server_status "$name" "$(inside "$name" systemctl is-system-running || true)" >&2
}

# What an operator would look at first: the state, failed units, unfinished jobs, the end of the journal, the disk.
server_status() {
    local name=$1
    say "$name is $2"
    inside "$name" systemctl list-units --failed --plain --no-legend || true
    inside "$name" systemctl list-jobs --no-legend || true
    inside "$name" journalctl --boot --priority=warning --no-pager --lines=30 || true
    inside "$name" df -h / || true
}

# server_enter replaces this process by COMMAND in the lab; inside does the same and comes back. The root directory is
# taken from the lab's PID 1 by name: where this shell is in a chroot, entering the mount namespace alone would land
# outside it, on the machine's own disk. And a lab whose root is this machine's is no lab.
server_enter() {
    local leader group name=$1
    shift
    read -r leader _ <"$labs/$name/leader"
    [[ -d /proc/$leader/root/etc && ! /proc/$leader/root/ -ef / ]] || die "$name has no root directory of its own"
    group=$(lab_cgroup "$name")
    [[ ! -d $group/exec ]] || echo "$BASHPID" >"$group/exec/cgroup.procs"
    exec nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wdns=/ -- /usr/bin/env -i \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root \
        LANG=C.UTF-8 TERM="${TERM:-dumb}" "$@"
}
inside() { (server_enter "$@"); }

server_install() {
    local name=$1 deb=$2 within=/root/${2##*/}
    [[ -f $deb ]] || die "no such package: $deb"
    verb_copy "$name" "$deb" "$within"
    inside "$name" env DEBIAN_FRONTEND=noninteractive dpkg -i "$within" </dev/null >&2 || die "$name: dpkg -i failed"
}

server_down() {
    local name=$1 how=$2 dir=$labs/$1 pid
    [[ $(server_state "$name") != absent || -d $cache/disk/$name ]] || { say "no lab $name"; return; }
    if [[ $how == gently && $(server_state "$name") == running ]]; then
        inside "$name" systemctl poweroff --no-block >/dev/null 2>&1 || true
        wait_for_end "$dir/pid" 200
    fi
    if alive "$dir/pid"; then
        read -r pid _ <"$dir/pid"
        kill -TERM "$pid" 2>/dev/null || true
        [[ $how == now ]] || wait_for_end "$dir/pid" 50
        kill_cgroup "$name"
        ! alive "$dir/pid" || kill -KILL "$pid" 2>/dev/null || true
        wait_for_end "$dir/pid" 50
    fi
    kill_cgroup "$name"
    remove_traces "$name"
}

wait_for_end() {
    local try
    for ((try = 0; try < $2; try++)); do alive "$1" || return 0; sleep 0.1; done
}

# Everything that still runs in the lab's own cgroup, which holds nothing else.
kill_cgroup() {
    local group pid
    group=$(lab_cgroup "$1")
    [[ -n $group && -d $group ]] || return 0
    if [[ -w $group/cgroup.kill ]]; then
        echo 1 >"$group/cgroup.kill"
    else
        find "$group" -name cgroup.procs -exec cat {} + | while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done
    fi
}

remove_traces() {
    local name=$1 dir=$labs/$1 disk=$cache/disk/$1 group try
    ip link delete "ve-$name" 2>/dev/null || true
    for try in 1 2 3 4 5; do
        mountpoint -q "$dir/root" || break
        umount -R "$dir/root" 2>/dev/null || sleep 0.2
    done
    ! mountpoint -q "$dir/root" || umount -R -l "$dir/root"
    ! mountpoint -q "$disk" || umount "$disk" || umount -l "$disk"
    group=$(lab_cgroup "$name")
    for try in {1..50}; do  # a process that was killed takes a moment to be gone
        [[ -d ${group:-/nonexistent} ]] || break
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    rm -rf --one-file-system "$disk" "$dir" 2>/dev/null || { chattr -R -f -i -a "$disk"; rm -rf --one-file-system "$disk" "$dir"; }
    say "$name is gone"
}
