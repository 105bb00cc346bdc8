#!/bin/bash
# A thousand standard accounts from one file: no step fails or waits for a deadline, Apache is reloaded a few times, and
# then a full pass over all of them writes, starts, reloads and defines nothing. One change costs nobody else anything.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a thousand accounts" "no package was built"; finish; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=tests/real/calls.sh
. "$(dirname -- "$(readlink -f -- "$0")")/calls.sh"
accounts=${ACCOUNTS:-1000}
version=$(php_version)

g() { in_lab genesisctl "$@"; }
# spec NUMBER [MAX_CHILDREN]
spec() {
    printf 'kind: account\nname: scale%04d\nsites:\n  - {domain: scale%04d.example, php: {version: "%s", max_children: %d}}\ndatabases:\n  - {name: shop, users: [{name: web, password: password-%04d}]}\n---\n' \
        "$1" "$1" "$version" "${2:-5}" "$1"
}
apply() { "$LAB" copy "$NAME" "$1" /root/scale.yaml && g apply -f /root/scale.yaml --wait --timeout 400s; }
metrics() { in_lab curl -s http://127.0.0.1:8444/metrics; }
# steps OUTCOME-PATTERN: how many steps had such an outcome.
steps() { metrics | awk -v outcome="outcome=\"$1\"" '/^genesis_steps_total/ && $0 ~ outcome { n += $NF } END { printf "%d\n", n }'; }
full_passes() { metrics | awk '/^genesis_pass_seconds_(sum|count).*full/ { v[$1 ~ /sum/] = $NF } END { printf "%s %.3f\n", v[0], v[1] }'; }
reloads() { in_lab grep -c 'AH00493' /var/log/apache2/error.log || true; }
units_read() { in_lab systemctl show -p UnitsLoadTimestampMonotonic --value; }
resident() { in_lab_sh 'awk "/^VmRSS/ { printf \"%.0f\n\", \$2 / 1024 }" "/proc/$(systemctl show -p MainPID --value genesisd)/status"'; }
since() { awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $1 }"; }

before=$(reloads) read=$(units_read)
for ((i = 1; i <= accounts; i++)); do spec "$i"; done >"$scratch/all.yaml"
begun=$EPOCHREALTIME
check "$accounts accounts applied from one file become ready" apply "$scratch/all.yaml"
echo "# from apply to all ready: $(since "$begun") s; resident: $(resident) MiB"
count=$(($(reloads) - before))
echo "# graceful restarts of Apache: $count"
# Two or three where the machine is idle; the slower the requests come in, the more passes there are.
check "Apache is asked a few times, not once for each" test "$count" -ge 1 -a "$count" -le 5
check_is "no step failed" "0 0" "$(steps retry) $(steps terminal)"
# A step whose batch has run out of time, or whose Apache still restarts, is in progress, and then seen to be done: on a
# busy machine there are some.
records=$(metrics | awk '/^genesis_records/ { n += $NF } END { printf "%d\n", n }')
echo "# $records records; steps: $(steps '[a-z_]*'), done $(steps 'done'), in progress $(steps in_progress)"
check "each record had its step" test "$(steps '[a-z_]*')" -ge "$records"
check "and none was done twice" test "$(steps 'done')" -le "$records"
check_is "systemd listens for all of them" "$accounts" "$(in_lab_sh 'systemctl list-units --plain --no-legend --state=active "genesis-php-*.socket" | wc -l')"
check_is "and has read no unit twice" "$read" "$(units_read)"
check_is "nothing differs" "no drift" "$(g drift)"

# One account's pool setting, with the master running: what systemd has of the others is not read again.
in_lab_sh 'curl -s -o /dev/null --resolve scale0007.example:80:127.0.0.1 http://scale0007.example/'
check_is "a PHP master runs" active "$(in_lab systemctl show -p ActiveState --value "genesis-php-scale0007-$version.service")"
master=$(in_lab systemctl show -p MainPID --value "genesis-php-scale0007-$version.service")
spec 7 9 >"$scratch/one.yaml"
observe change apply "$scratch/one.yaml" >"$scratch/applied"
grep ^# "$scratch/applied"
check_is "a change of its pool reaches the file" "pm.max_children = 9" "$(in_lab grep ^pm.max_children "/etc/genesis/php/scale0007-$version/pools.conf")"
check_is "by a reload of the same master" "$master" "$(in_lab systemctl show -p MainPID --value "genesis-php-scale0007-$version.service")"
check_is "systemd has read no unit again" "$read" "$(units_read)"
check_is "systemd was asked for no list of units" "" "$(grep -oE 'ListUnits[A-Za-z]*|"Reload"' "$scratch/change.calls" | sort | uniq -c || true)"
check_is "no directory was listed" "" "$(grep -E '^getdents' "$scratch/change.calls" | grep -E '/etc/(genesis/(php|tls)|systemd)' | head -n 3 || true)"
# The store's own file aside: a page of an index names its neighbours.
others() { grep -v 'store.db' "$scratch/change.calls" | grep -oE 'scale[0-9]{4}' | sort | uniq -c | grep -v scale0007 | head -n 3 || true; }
check_is "and no other account was looked at" "" "$(others)"

# Full passes over all.
passes() {
    local i was
    for ((i = 0; i < $1; i++)); do
        was=$(full_passes)
        g reconcile --all >/dev/null
        within 120 passed "${was%% *}" # under strace on a busy machine
    done
}
passed() { local now; now=$(full_passes); ((${now%% *} > $1)); }
begun=$(full_passes)
passes 5
now=$(full_passes)
echo "# a full pass over $accounts: $(awk -v a="$begun" -v b="$now" 'BEGIN { split(a, x); split(b, y); printf "%.0f ms", 1000 * (y[2] - x[2]) / (y[1] - x[1]) }'); resident: $(resident) MiB"
observe pass passes 1
none "a full pass opens no file for writing" "$opened"
none "renames, links, makes and removes none" "$named"
none "changes no mode, owner, time, attribute or length" "$changed"
none "forces nothing to disk" "$synced"
none "copies nothing into a file" "$copied"
check_is "and writes to sockets, pipes and eventfds alone" "" "$(written)"
none "it runs no program" "$programs"
check_is "and makes no process" "" "$(processes)"
none "it sends nobody a signal" "$signals"
check_is "it gives systemd no order" "" "$(orders)"
check_is "MariaDB sees SELECT, SHOW and SET SESSION alone" "" "$(statements)"
check "and it has seen some" grep -qE 'Query\s+SELECT' "$scratch/pass.sql"
check_is "nothing differs" "no drift" "$(g drift)"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
