#!/bin/bash
# Full passes over a converged server, seen by strace, MariaDB's general log and the file system: nothing is written,
# removed, started, reloaded or defined.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a quiet pass" "no package was built"; finish; }
repo=$(dirname -- "$(readlink -f -- "$0")")/../..
address=$("$LAB" address "$NAME")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=tests/real/calls.sh
. "$(dirname -- "$(readlink -f -- "$0")")/calls.sh"
passes=3

g() { in_lab genesisctl "$@"; }
"$LAB" copy "$NAME" "$repo/specs/examples/acme.yaml" /root/acme.yaml
in_lab_sh 'for n in beta gamma; do printf "kind: account\nname: %s\nsites: [{domain: %s.example, php: {}}, {domain: static.%s.example}]\ndatabases: [{name: shop, users: [{name: web, password: pw-of-%s-12}]}]\n---\n" $n $n $n $n; done >/root/more.yaml'
check "three accounts are ready" g apply -f /root/acme.yaml -f /root/more.yaml --wait --timeout 300s
check_is "nothing differs" "no drift" "$(g drift)"
check_is "and a site answers" 200 "$(curl -sk -o /dev/null -w '%{http_code}' --resolve "acme.example:443:$address" https://acme.example/)"

# The last look at each record, earliest first.
oldest_look() { g get accounts -o json | sed -n 's/.*"observed_at": *"\([^"]*\)".*/\1/p' | sort | head -n 1; }
looked_since() { [[ $(oldest_look) > $1 ]]; }
# Apache's children, systemd's reloads, whatever was said.
servers() { in_lab_sh 'pgrep -x apache2 | sort; stat -c "%n %Y %Z" /run/apache2/apache2.pid; wc -l /var/log/apache2/*.log /var/log/genesis/*/*.log | grep -v total
    ls /etc/genesis/apache/sites; journalctl -o cat _PID=1 | grep -cE "Reloading|Started|Stopped|Listening" || true; systemctl show -p UnitsLoadStartTimestampMonotonic
    systemctl list-units --plain --no-legend --state=active "genesis-*"; genesisctl history --limit 1000 | wc -l'; }

# systemd and Apache come to rest.
at_rest() { local once; once=$(servers) && sleep 2 && [[ $(servers) == "$once" ]]; }
check "the server is at rest" within 10 at_rest

pid=$(in_lab systemctl show -p MainPID --value genesisd)
# As README.md says under Limits.
check "it has 52 threads at most" test "$(in_lab_sh 'ls "/proc/$1/task" | wc -l' "$pid")" -le 52
wakes() { in_lab_sh 'cat "/proc/$1"/task/*/status | awk "/^voluntary/ { n += \$2 } END { print n }"' "$pid"; }
woken=$(wakes)
sleep 10
check "and wakes less than once a second" test $(($(wakes) - woken)) -lt 10

full_passes() {
    local now i
    for ((i = 1; i <= passes; i++)); do
        now=$(in_lab date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
        g reconcile --all >/dev/null
        check "full pass $i looks at every record of every account" within 10 looked_since "$now"
    done
}
servers >"$scratch/servers"
in_lab_sh 'touch /root/marker; sleep 1.1'
observe quiet full_passes

none "no file is opened for writing or made" "$opened"
none "nothing is renamed, linked, made or removed" "$named"
none "no mode, owner, time, attribute or length is changed" "$changed"
none "nothing is forced to disk" "$synced"
none "nothing is copied into a file" "$copied"
none "no process is made, no program run" "$programs"
check_is "nor by clone: what is made are threads" "" "$(processes)"
none "nobody is sent a signal" "$signals"
none "nothing is mounted" '^(mount|umount2|move_mount|fsmount|pivot_root|setns|unshare|chroot)\('
check_is "what is written goes to sockets, pipes and eventfds alone" "" "$(written)"
check_is "systemd is asked, and given no order" "" "$(orders)"
check_is "MariaDB sees SELECT, SHOW and SET SESSION alone" "" "$(statements)"
check "and it has seen some" grep -qE 'Query\s+SELECT' "$scratch/quiet.sql"
servers >"$scratch/servers.now"
check_is "Apache, its logs, systemd and the history are as before" "" "$(diff "$scratch/servers" "$scratch/servers.now" || true)"
check_is "no file of the server is newer, MariaDB's and the journal's own aside" "" \
    "$(in_lab find / -xdev -newer /root/marker -not -type d -not -path '/proc/*' -not -path '/sys/*' -not -path '/root/*' -not -path '/var/lib/mysql/*' -not -path '/var/log/journal/*' -not -path '/run/log/*' \
        -not -name quiet.log -not -path '/run/systemd/*' -not -path '/dev/*' -printf '%p %t\n')"

# What a repair does is seen in the same way.
mended() { in_lab_sh 'rm /etc/genesis/apache/sites/acme.example.conf; chmod 0777 /home/beta; systemctl disable -q "genesis-php-gamma-$1.socket"; mariadb -e "DROP USER gamma_web@localhost"' "$(php_version)"
    g reconcile --all >/dev/null
    within 15 no_drift; }
no_drift() { [[ $(g drift) == "no drift" ]]; }
observe damage mended
for seen in opened named changed synced; do check_not "in a repair $seen is seen" test -z "$(calls "${!seen}")"; done
check_not "in a repair a program, a process, a signal or an order to systemd is seen" test -z "$(calls "$programs")$(processes)$(calls "$signals")$(orders)"
check_not "in a repair bytes of files are seen" test -z "$(written)"
check_has "in a repair SQL is seen" "CREATE USER" "$(statements)"
check_is "genesisd is the same process" "$pid" "$(in_lab systemctl show -p MainPID --value genesisd)"
check_is "and still nothing differs" "no drift" "$(g drift)"
finish
