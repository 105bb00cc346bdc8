#!/bin/bash
# Good requests among a thousand slow clients, endless headers and bodies, deep and doubled JSON: how long they take, and
# what it costs the daemon.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "good requests among bad ones" "no package was built"; finish; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ulimit -n 8192
umask 077
seconds=25 rounds=3 most_mib=256

# The slow ones come from four more addresses of this machine, so that no limit for one address keeps them few.
number=$(cut -d . -f 3 <<<"$("$LAB" address "$NAME")")
from=()
for i in 1 2 3 4; do
    ip address add "10.232.$number.$i/32" dev "ve-$NAME"
    from+=("10.232.$number.$i")
done

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
printf '{"contact": "cCHANGE@NAME.example"}' >"$scratch/spec"
make_key billing account:write,read >"$scratch/good.key"
make_key hostile account:write,read >"$scratch/bad.key"
good() {
    load billing "$scratch/good.key" steady --objects "accounts:good:1:$scratch/spec" --rate 40 --connections 8 --fresh 4 --seconds "$1" >"$scratch/good.said"
}
bad() { load hostile "$scratch/bad.key" attack --slow 1000 --seconds "$1" --from "$(IFS=,; echo "${from[*]}")" >"$scratch/bad.said"; }
said() { number_of "$1" "$(<"$scratch/good.said")"; }
show() { sed "s/^/# $1: /" "$scratch/${2:-good}.said"; }
in_daemon() { in_lab_sh 'pid=$(systemctl show -P MainPID genesisd); '"$1"; }
resident_kib() { in_daemon 'awk "/^VmRSS/ { print \$2 }" "/proc/$pid/status"'; }
descriptors() { in_daemon 'ls "/proc/$pid/fd" | wc -l'; }
hundreds() { (($(connections) >= 500)); }
connections() { in_lab_sh 'ss -Htn state established "sport = :8443" | wc -l'; }
# While the flood is on: the most memory and connections there were, and whether the other listeners answer.
watch_daemon() {
    in_lab_sh 'pid=$(systemctl show -P MainPID genesisd)
        while sleep 0.5; do
            echo "$(awk "/^VmRSS/ { print \$2 }" "/proc/$pid/status") $(ss -Htn state established "sport = :8443" | wc -l) $(
                curl -s -o /dev/null --max-time 60 -w "%{http_code}" http://127.0.0.1:8444/healthz) $(timeout 60 genesisctl info >/dev/null && echo yes || echo no)"
        done' >"$scratch/watched" 2>/dev/null
}

good 5
show quiet
check_is "alone every request is accepted" "$(said asked) 0" "$(said accepted) $(said broken)"
# Ten times what they take alone, on a machine that is as busy with other things as this one; a second at least.
most_ms=$(($(said p99_ms) * 10))
((most_ms >= 1000)) || most_ms=1000
resident=$(resident_kib) open=$(descriptors)

# This machine may be busy with other things as well: of three rounds the best counts.
for ((round = 1; round <= rounds; round++)); do
    bad $((seconds + 10)) &
    flood=$!
    watch_daemon &
    watcher=$!
    within 6 hundreds || true
    good "$seconds"
    wait "$flood"
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    show "round $round"
    show flood bad
    (($(said p99_ms) >= most_ms)) || break
done
check_is "among them every good request is accepted" "$(said asked)" "$(said accepted)"
check "99 in 100 within $most_ms ms, new connections and old" test "$(said p99_ms)" -lt "$most_ms"
check "none of the good ones lost its connection" test "$(said broken)" -eq 0
check_is "the probes answered all the while" "" "$(awk '$3 != 200' "$scratch/watched")"
check_is "and the socket of the server's own tools" "" "$(awk '$4 != "yes"' "$scratch/watched")"
at_most() { sort -n -k "$1" "$scratch/watched" | tail -n 1 | cut -d ' ' -f "$1"; }
echo "# at most $(at_most 1) KiB resident ($resident before), $(at_most 2) connections"
check "hundreds of them were connected at once" test "$(at_most 2)" -ge 500
check "no more than there are places" test "$(at_most 2)" -le 1100
check "they cost less than $most_mib MiB" test $((($(at_most 1) - resident) / 1024)) -lt "$most_mib"

# statuses KIND: what it was answered, without what broke off.
statuses() { awk -v kind="$1" '$1 == kind && $2 != 0 { print $2 }' "$scratch/bad.said" | xargs; }
check_is "a header of 64 KiB is 431" 431 "$(statuses header)"
check_is "two gigabytes are 413" 413 "$(statuses body)"
check_is "ten thousand arrays in each other are 400" 400 "$(statuses deep)"
check_is "a key twice is 400" 400 "$(statuses twice)"
check_is "a megabyte signed with an unknown key is 401" 401 "$(statuses stranger)"
for kind in silent handshake head body; do
    check "slow ones were there: $kind" test "$(awk -v kind="$kind" '$1 == "slow" && $2 == kind { print $3 }' "$scratch/bad.said")" -ge 250
done

few_again() { (($(connections) < 20 && $(descriptors) < open + 20)); }
check "afterwards their places are free again" within 60 few_again
good 5
show after
check_is "and it is as before" "$(said asked) 0" "$(said accepted) $(said broken)"
small_again() { (($(resident_kib) < resident + 65536)); }
check "so is the memory they took" within 60 small_again
echo "# $(resident_kib) KiB resident at the end"
check_is "nothing was stored but the good account" good0 "$(in_lab genesisctl get accounts -o json | grep -oE '"name": *"[a-z0-9]+"' | cut -d '"' -f 4 | sort -u | xargs)"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
